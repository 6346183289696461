"""Facts into ClickHouse: the sink's writer and the whole sink, next to bare inserts of finished columns."""

import importlib
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

import numpy as np

from onlooker.lab.stream.figures import Comparison, Run, Sides, side_by_side, timed
from onlooker.lab.stream.input import Fact, heaps
from onlooker.lab.stream.site import Site, apart, database, fill, in_thread, replace
from onlooker.telemetry import Watch
from onlooker.wiring.database import Database
from onlooker.wiring.sink import build_sink
from processors.topology import topic_of
from schemas.errors import DependencyAwayError
from schemas.events import DeadLetter
from schemas.metrics import CounterName, Meter, NoMeter, NoPulse
from schemas.topics import Topic
from sinks.facts.columns import tables_of
from sinks.service.batch_writer import BatchWriter, Reporting
from sinks.service.gathering import Batch, Entry
from sinks.service.known import Remembered
from sinks.service.reading import Limits
from sinks.store.address import Address
from sinks.store.clickhouse import INSERT_SETTINGS, SESSION_SETTINGS, ClickHouse

PATIENCE_S = 120.0
WRITTEN: tuple[Topic, ...] = ("visits", "visits", "campaign_windows")
SENT: tuple[Topic, ...] = ("visits",) * 5
"""More than is timed: the first batch after an assignment is written with more care, the last is not full."""
NUMBERS = ("UInt8", "UInt32", "UInt64", "Int32", "Int64", "Float64")
AIM = Sides(ours="", floor="bare numpy inserts", unit="rows", aim=">= 0.70 of the floor", least_share=0.7)
SIDES = [replace(AIM, ours=f"sink, {given}") for given in ("facts in memory", "messages in Kafka")]


def bench_sink(site: Site) -> list[Comparison]:
    """Rows a second into the tables of this version, in batches of the same size everywhere.

    From facts in memory beside the same rows as finished columns; from messages in Kafka (visits with their
    exposures, decoded and written by one process) beside the same inserts.
    """
    batch_rows = site.amount(50_000, quick=15_000)

    def turn(number: int) -> list[tuple[Run, Run]]:
        batches = [
            batch_of(facts, incarnation=f"bench-{number}", lo=1_000_000 * i)
            for i, facts in enumerate(heaps(WRITTEN, batch_rows))
        ]
        facts = [fact for heap in heaps(SENT, batch_rows) for fact in heap]
        floor = _bare(address, batches)
        memory = _from_memory(address, site, batches)
        return [(memory, floor), (_from_kafka(address, site, facts, batch_rows), floor)]

    with database(site.folder) as address:
        return side_by_side(SIDES, repeat=site.repeat, turn=turn)


def batch_of(facts: Sequence[Fact], *, incarnation: str, lo: int = 0) -> Batch:
    """Facts as the sink gathers them, from an offset of the first one's topic on."""
    entries = [Entry(offset=lo + i, fact=fact, size_bytes=0) for i, fact in enumerate(facts)]
    return Batch(
        tp=(f"bench.{topic_of(facts[0])}.v1", 0),
        incarnation=incarnation,
        lo=lo,
        hi=lo + len(entries),
        at_us=time.time_ns() // 1000,
        entries=entries,
    )


def _bare(address: Address, batches: Sequence[Batch]) -> Run:
    """The floor: clickhouse-driver with numpy, lz4 and the sink's settings; columns lie ready."""
    # Not by the one door to this library: a floor must not go through what it is compared with.
    driver = importlib.import_module("clickhouse_driver")
    warnings.filterwarnings("ignore", module=r"clickhouse_driver\..*")
    with driver.Client(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        database=address.database,
        compression="lz4",
        settings={**SESSION_SETTINGS, **INSERT_SETTINGS, "use_numpy": True},
    ) as client:
        work = []
        for batch in batches:
            for table, columns in tables_of(batch.entries, batch.tp):
                types = {name: kind for name, kind, *_ in client.execute(f"DESCRIBE TABLE {table}")}
                sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES"
                settings = {"insert_deduplication_token": f"bare:{batch.token}"}
                work.append((sql, list(ready(columns, types).values()), settings))

        def insert() -> None:
            for sql, values, settings in work:
                client.execute(sql, values, columnar=True, settings=settings)

        return timed(insert, count=sum(len(values[0]) for _, values, _ in work))


def ready(columns: Mapping[str, Sequence[Any]], types: Mapping[str, str]) -> dict[str, Any]:
    """Columns as the driver takes them fastest: numpy arrays of numbers, instants, objects for all else.

    The driver changes ids in place, so they serve once.
    """
    return {name: _array(values, types[name]) for name, values in columns.items()}


def _array(values: Sequence[Any], kind: str) -> Any:
    if kind in NUMBERS:
        return np.array(values, dtype=kind.lower())
    if kind.startswith("DateTime64") and isinstance(values[0], int | np.integer):
        return np.array(values, dtype="datetime64[us]").astype("datetime64[ns]")
    objects = np.empty(len(values), dtype=object)
    objects[:] = list(values)
    return objects


class _NoLetters:
    """Nothing is set aside here."""

    def post(self, letters: Sequence[DeadLetter], *, repeated: bool = False) -> None:
        """Complain: all facts are good."""
        raise AssertionError(f"{len(letters)} letters, repeated={repeated}")


def _from_memory(address: Address, site: Site, batches: Sequence[Batch]) -> Run:
    options = site.settings.sink
    with closing(ClickHouse(address)) as store:
        writer = BatchWriter(
            store,
            _NoLetters(),
            memory=Remembered(options.remembered_facts),
            limits=Limits(options.dead_letters, NoPulse()),
            reporting=Reporting(meter=NoMeter(), writer="bench"),
        )
        store.rows("SELECT 1")  # connects
        started = time.perf_counter()
        rows = sum(sum(writer.write(batch).rows.values()) for batch in batches)
        return Run(count=rows, seconds=time.perf_counter() - started)


class RowCounter(NoMeter):
    """Times a sink from the end of its first batch until at least the expected rows are written."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._began_s: float | None = None
        self.rows = 0
        """Written since the first batch."""
        self.seconds: float | None = None
        """From the end of the first batch to the end of the last one timed; None before that."""
        self.when_done: Callable[[], None] = lambda: None

    def count(self, name: CounterName, amount: float = 1, **labels: str) -> None:
        """Hear of rows and batches; forget the rest."""
        del labels
        if name == "rows_written" and self._began_s is not None and self.seconds is None:
            self.rows += int(amount)
        elif name == "batches_written" and self._began_s is None:
            self._began_s = time.perf_counter()
        elif name == "batches_written" and self.rows >= self._expected and self.seconds is None:
            self.seconds = time.perf_counter() - (self._began_s or 0.0)
            self.when_done()


def _from_kafka(address: Address, site: Site, facts: Sequence[Fact], batch_rows: int) -> Run:
    counter, done = RowCounter(site.amount(2, quick=1) * batch_rows), threading.Event()
    counter.when_done = done.set
    options = replace(site.settings.sink, max_rows=batch_rows, max_age_s=PATIENCE_S)
    site = replace(site, settings=replace(site.settings, sink=options))
    with apart(site, partitions=1) as here:
        fill(here.kafka, facts)
        with running_sink(here, address, counter):
            done.wait(PATIENCE_S)
    if counter.seconds is None:
        raise DependencyAwayError(f"The sink has not written its rows within {PATIENCE_S:.0f} s.")
    return Run(count=counter.rows, seconds=counter.seconds)


@contextmanager
def running_sink(site: Site, address: Address, meter: Meter) -> Iterator[None]:
    """The sink service in a thread of this process, with a meter of ours; raises what ends it."""
    watch = Watch(meter=meter, pulse=NoPulse(), port=None)
    with closing(ClickHouse(address)) as store:
        sink = build_sink(site.settings, Database(store=store, address=address), watch)
        with in_thread(sink.run):
            yield
