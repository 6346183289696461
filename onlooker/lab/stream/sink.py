"""Facts into ClickHouse: the sink's writer and the whole sink, next to bare inserts of finished columns."""

import threading
import time
from collections.abc import Sequence

import msgspec
from kafka import KafkaProducer

from onlooker.lab.stream.columns import bare_client, bare_insert, ready, types_of
from onlooker.lab.stream.facts import Heap, heaps
from onlooker.lab.stream.figures import Asked, Comparison, Names, Run, compare
from onlooker.lab.stream.meter import RowCounter
from onlooker.lab.stream.site import Site, Work
from onlooker.lab.stream.topics import making_topics
from onlooker.telemetry import Watch
from onlooker.wiring.database import Database
from onlooker.wiring.sink import build_sink
from schemas.errors import DependencyAwayError
from schemas.events import DeadLetter
from schemas.message import About
from schemas.metrics import NoMeter, NoPulse
from schemas.topics import Topic
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry
from sinks.facts.columns import tables_of
from sinks.service.batch_writer import BatchWriter, Reporting
from sinks.service.gathering import Batch, Entry
from sinks.service.known import Remembered
from sinks.service.reading import Limits
from sinks.store.clickhouse import ClickHouse

AIM = Asked(words=">= 0.70 of the floor", share=0.7)
FLOOR = "bare numpy inserts"
PATIENCE_S = 120.0
INCARNATION = "bench"
WRITTEN: tuple[Topic, ...] = ("visits", "visits", "campaign_windows")
SENT: tuple[Topic, ...] = ("visits",) * 5
"""More than is timed: the first batch after an assignment is written with more care, the last is not full."""


class NoLetters:
    """Nothing is set aside here."""

    def post(self, letters: Sequence[DeadLetter], *, repeated: bool = False) -> None:
        """Complain: all facts are good."""
        raise AssertionError(f"{len(letters)} letters, repeated={repeated}")


def bench_sink(work: Work) -> list[Comparison]:
    """Rows a second into the tables of this version, in batches of the same size everywhere.

    Args:
        work: the site and how many rows a batch has.

    Returns:
        From facts in memory beside the same rows as finished columns; from messages in Kafka (visits with
        their exposures, decoded and written by one process) beside the same inserts.
    """
    turns = [_turn(work, number) for number in range(work.repeat)]
    floor, memory, kafka = zip(*turns, strict=True)
    in_memory = Names(ours="sink, facts in memory", floor=FLOOR, unit="rows")
    in_kafka = Names(ours="sink, messages in Kafka", floor=FLOOR, unit="rows")
    return [
        compare(in_memory, ours=memory, floor=floor, asked=AIM),
        compare(in_kafka, ours=kafka, floor=floor, asked=AIM),
    ]


def _turn(work: Work, number: int) -> tuple[Run, Run, Run]:
    site, batch_rows = work.site, work.amounts.sink_batch_rows
    batches = [_batch(heap, lo) for lo, heap in enumerate(heaps(WRITTEN, batch_rows, turn=2 * number))]
    sent = heaps(SENT, batch_rows, turn=2 * number + 1)
    return _bare(site, batches, number), _memory(site, batches, number), _kafka(site.apart(), sent, work)


def _batch(heap: Heap, number: int) -> Batch:
    lo = number * 1_000_000
    entries = [Entry(offset=lo + i, fact=fact, size_bytes=0) for i, fact in enumerate(heap.facts)]
    return Batch(
        place=(f"bench.{heap.topic}.v1", 0),
        incarnation=INCARNATION,
        lo=lo,
        hi=lo + len(entries),
        at_us=time.time_ns() // 1000,
        entries=entries,
    )


def _bare(site: Site, batches: Sequence[Batch], turn: int) -> Run:
    client = bare_client(site.clickhouse)
    work = []
    for batch in batches:
        for table, columns in tables_of(batch.entries, batch.place):
            work.append((table, ready(columns, types_of(client, table)), f"bare:{turn}:{batch.token}"))
    started = time.perf_counter()
    for table, columns, token in work:
        bare_insert(client, table, columns, token)
    seconds = time.perf_counter() - started
    client.disconnect()
    return Run(count=sum(len(next(iter(columns.values()))) for _, columns, _ in work), seconds=seconds)


def _memory(site: Site, batches: Sequence[Batch], turn: int) -> Run:
    store, options = ClickHouse(site.clickhouse), site.settings.sink
    writer = BatchWriter(
        store,
        NoLetters(),
        memory=Remembered(options.remembered_facts),
        limits=Limits(options.dead_letters),
        reporting=Reporting(meter=NoMeter(), writer="bench"),
    )
    batches = [msgspec.structs.replace(each, incarnation=f"{INCARNATION}-{turn}") for each in batches]
    store.rows("SELECT 1")
    started = time.perf_counter()
    rows = sum(sum(writer.write(batch).rows.values()) for batch in batches)
    seconds = time.perf_counter() - started
    store.close()
    return Run(count=rows, seconds=seconds)


def _kafka(site: Site, found: Sequence[Heap], work: Work) -> Run:
    with making_topics(site.kafka, partitions=1):
        _fill(site, found)
        amounts = work.amounts
        counter = RowCounter(amounts.sink_timed_batches * amounts.sink_batch_rows)
        stop = threading.Event()
        counter.when_done = stop.set
        sink_options = msgspec.structs.replace(
            site.settings.sink, max_rows=amounts.sink_batch_rows, max_age_s=PATIENCE_S
        )
        settings = msgspec.structs.replace(site.settings, kafka=site.kafka, sink=sink_options)
        there = Database(store=ClickHouse(site.clickhouse), address=site.clickhouse)
        watch = Watch(meter=counter, pulse=NoPulse(), port=None)
        over = threading.Timer(PATIENCE_S, stop.set)
        over.start()
        try:
            build_sink(settings, there, watch).run(stop)
        finally:
            over.cancel()
            there.store.close()
        if counter.seconds is None:
            raise DependencyAwayError(f"The sink has not written its rows within {PATIENCE_S:.0f} s.")
        return Run(count=counter.rows, seconds=counter.seconds)


def _fill(site: Site, found: Sequence[Heap]) -> None:
    codec, about = AvroCodec(FileRegistry()), About(producer="bench", produced_us=0)
    producer = KafkaProducer(**site.kafka.arguments(), linger_ms=20, batch_size=256 * 1024)
    try:
        for heap in found:
            for fact in heap.facts:
                name = site.kafka.topics.name(heap.topic)
                producer.send(name, codec.encode(fact), b"bench", headers=about.headers())
        producer.flush()
    finally:
        producer.close()
