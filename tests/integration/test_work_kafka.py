"""MEASURE as a service: the facts of the embedded run, whichever worker is stopped, killed or paused."""

import signal
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import lz4.frame  # type: ignore[import-untyped]
import msgspec
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import KafkaError

from processors.local import Delivery, LocalRuntime
from processors.measure_options import MeasureOptions
from processors.stages import MeasureStage
from schemas.broker import BrokerOptions
from schemas.codec import AvroCodec
from schemas.events import MeasureInput, Play, VisitEnded, WindowClosed
from schemas.message import About, captured_us_of, is_repeated
from schemas.registry import FileRegistry
from schemas.topics import TOPICS, Topic
from tests.brokers import KafkaCluster
from tests.services import Services, end_offsets, lag, services, wait_until
from tests.streams import StreamOptions, synthetic

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("kafka")]
PARTITIONS = 4
FACTS: tuple[Topic, ...] = ("visits", "campaign_windows")
READS: tuple[Topic, ...] = ("observations", "plays")
Found = dict[tuple[str, int], Any]
"""Facts by id and version."""


def now_us() -> int:
    return time.time_ns() // 1000


class Stream:
    """A site's topics with synthetic stands in them, and workers over them."""

    def __init__(
        self, cluster: KafkaCluster, prefix: str, folder: Path, *, partitions: int = PARTITIONS
    ) -> None:
        self.broker = BrokerOptions(bootstrap=cluster.bootstrap, prefix=prefix)
        self.codec = AvroCodec(FileRegistry(), self.broker.topics)
        self.config = folder / "work.yaml"
        self.config.write_text(
            f'kafka: {{bootstrap: "{cluster.bootstrap}", prefix: {prefix}}}\n', encoding="utf-8"
        )
        admin = KafkaAdminClient(bootstrap_servers=cluster.bootstrap)
        copies = min(3, cluster.brokers)
        settings = {"max.message.bytes": "4700000", "min.insync.replicas": str(max(1, copies - 1))}
        admin.create_topics(
            [
                NewTopic(
                    name=self.broker.topics.name(topic),
                    num_partitions=partitions,
                    replication_factor=copies,
                    topic_configs=settings,
                )
                for topic in TOPICS
            ]
        )
        admin.close()

    def publish(self, events: Iterable[MeasureInput], *, per_s: float = 1e9) -> None:
        """Publish as capture and OBSERVE do: a play is acknowledged before what comes after it."""
        producer = KafkaProducer(bootstrap_servers=self.broker.bootstrap, acks="all", linger_ms=5)
        begun_s = time.monotonic()
        for count, event in enumerate(events):
            topic: Topic = "plays" if isinstance(event, Play) else "observations"
            about = About(producer="test", produced_us=now_us(), captured_us=now_us())
            sent = producer.send(
                self.broker.topics.name(topic),
                key=event.stand_id.encode(),
                value=self.codec.encode(event),
                headers=about.headers(),
            )
            if topic == "plays":
                producer.flush()
                sent.get(30)
            if count % 50 == 0:
                time.sleep(max(0.0, begun_s + count / per_s - time.monotonic()))
        producer.flush()
        producer.close()

    def records(self, topics: Iterable[Topic]) -> Iterator[Any]:
        """Every message of some topics, up to their present ends."""
        ends = end_offsets(self.broker, [self.broker.topics.name(topic) for topic in topics])
        consumer = KafkaConsumer(bootstrap_servers=self.broker.bootstrap, enable_auto_commit=False)
        for place, end in ends.items():
            consumer.assign([place])
            consumer.seek(place, 0)
            while consumer.position(place) < end:
                for records in consumer.poll(500).values():
                    yield from records
        consumer.close()

    def facts(self) -> Found:
        """The facts on the topics by id and version; one that was sent again must be the same."""
        found: Found = {}
        for record in self.records(FACTS):
            fact = self.codec.decode(record.value)
            assert found.setdefault(key_of(fact), fact) == fact
        return found

    def waiting(self) -> int:
        """How many events MEASURE has not committed; all of them before its group exists."""
        try:
            return lag(self.broker, "measure", READS)
        except KafkaError:
            return sum(self.count(topic) for topic in READS)

    def is_done(self) -> bool:
        """Whether MEASURE has committed all that there is."""
        return self.waiting() == 0

    def count(self, topic: Topic) -> int:
        """How many messages a topic has had."""
        return sum(end_offsets(self.broker, [self.broker.topics.name(topic)]).values())


def key_of(fact: VisitEnded | WindowClosed) -> tuple[str, int]:
    if isinstance(fact, VisitEnded):
        return str(fact.visit.visit_id), fact.visit.version
    return str(fact.window_id), fact.version


def embedded(events: Iterable[MeasureInput]) -> Found:
    """The facts that one process without a broker finds."""
    found: Found = {}

    def take(delivery: Delivery) -> None:
        if isinstance(delivery.event, VisitEnded | WindowClosed):
            found[key_of(delivery.event)] = delivery.event

    runtime = LocalRuntime({"measure": MeasureStage(MeasureOptions())}, take)
    for event in events:
        runtime.publish("plays" if isinstance(event, Play) else "observations", event.stand_id, event)
    return found


@pytest.fixture
def stream(kafka: KafkaCluster, topic_prefix: str, tmp_path: Path) -> Stream:
    return Stream(kafka, topic_prefix, tmp_path)


@pytest.fixture
def running(stream: Stream, tmp_path: Path) -> Iterator[Services]:
    with services(tmp_path, stream.config) as started:
        yield started


@pytest.fixture(scope="module")
def events() -> list[MeasureInput]:
    return list(synthetic(StreamOptions(observations=6000, stands=6)))


@pytest.fixture(scope="module")
def wanted(events: list[MeasureInput]) -> Found:
    found = embedded(events)
    assert len(found) > 60
    return found


def measuring(running: Services, name: str) -> None:
    running.start(name, "work", "--role", "measure")


def in_background(stream: Stream, events: list[MeasureInput], per_s: float) -> threading.Thread:
    thread = threading.Thread(
        target=stream.publish, args=(events,), kwargs={"per_s": per_s}, name="publishing", daemon=True
    )
    thread.start()
    return thread


def some_done(stream: Stream, share: float, events: list[MeasureInput]) -> None:
    """Wait until a share of the stream has been committed, and some of it not."""
    rest = (1 - share) * len(events)

    def done() -> bool:
        published = stream.count("observations") + stream.count("plays")
        committed = published - stream.waiting()
        return committed > len(events) - rest

    wait_until(done, f"{share:.0%} of the stream is measured")


def test_the_facts_are_those_of_the_embedded_run(
    stream: Stream, running: Services, events: list[MeasureInput], wanted: Found
) -> None:
    measuring(running, "one")
    stream.publish(events)
    wait_until(stream.is_done, "all is measured")
    assert stream.facts() == wanted
    assert stream.count("dead_letters") == 0
    (record, *_) = stream.records(["visits"])
    assert captured_us_of(record.headers) is not None
    assert dict(record.headers)["producer"].startswith(b"measure@")
    begun_s = time.monotonic()
    assert running.stop() == {"one": 0}, running.log("one")
    assert time.monotonic() - begun_s < 15


def test_what_came_before_the_worker_is_marked_as_repeated(
    stream: Stream, running: Services, events: list[MeasureInput], wanted: Found
) -> None:
    """It cannot know whether another one had sent it before it died."""
    half = len(events) // 2
    stream.publish(events[:half])
    measuring(running, "one")
    wait_until(stream.is_done, "the first half is measured")
    before = stream.count("visits")
    stream.publish(events[half:])
    wait_until(stream.is_done, "all is measured")
    marks = [is_repeated(record.headers) for record in stream.records(["visits"])]
    assert before > 3
    assert marks.count(True) == before
    assert stream.facts() == wanted


@pytest.mark.slow
def test_a_killed_worker_is_followed_by_another_without_loss(
    stream: Stream, running: Services, events: list[MeasureInput], wanted: Found
) -> None:
    measuring(running, "first")
    publishing = in_background(stream, events, per_s=800)
    some_done(stream, 0.3, events)
    running.processes.pop("first").kill()
    measuring(running, "second")
    publishing.join()
    wait_until(stream.is_done, "all is measured")
    assert stream.facts() == wanted
    assert stream.count("dead_letters") == 0


@pytest.mark.slow
def test_workers_come_and_go_without_loss(
    stream: Stream, running: Services, events: list[MeasureInput], wanted: Found
) -> None:
    """Two share the partitions, one leaves cleanly, a third comes, one is killed."""
    measuring(running, "first")
    measuring(running, "second")
    publishing = in_background(stream, events, per_s=500)
    some_done(stream, 0.2, events)
    leaving = running.processes.pop("first")
    leaving.send_signal(signal.SIGTERM)
    assert leaving.wait(30) == 0, running.log("first")
    measuring(running, "third")
    some_done(stream, 0.5, events)
    running.processes.pop("second").kill()
    publishing.join()
    wait_until(stream.is_done, "all is measured")
    assert stream.facts() == wanted
    assert running.stop() == {"third": 0}


@pytest.mark.slow
def test_a_worker_that_stood_still_writes_nothing_more(
    stream: Stream, running: Services, events: list[MeasureInput], wanted: Found
) -> None:
    measuring(running, "zombie")
    publishing = in_background(stream, events, per_s=800)
    some_done(stream, 0.2, events)
    running.processes["zombie"].send_signal(signal.SIGSTOP)
    zombie = running.processes.pop("zombie")
    measuring(running, "heir")
    publishing.join()
    wait_until(stream.is_done, "the heir has measured all")
    count = sum(stream.count(topic) for topic in FACTS)
    zombie.send_signal(signal.SIGCONT)
    assert zombie.wait(30) == 3
    assert "stood still" in running.log("zombie")
    assert sum(stream.count(topic) for topic in FACTS) == count
    assert stream.facts() == wanted


def test_hostile_messages_are_set_aside_and_the_stream_goes_on(
    stream: Stream, running: Services, events: list[MeasureInput], wanted: Found
) -> None:
    measuring(running, "one")
    stream.publish(events[:4000])
    producer = KafkaProducer(bootstrap_servers=stream.broker.bootstrap)
    for number in range(100):
        for topic in READS:
            producer.send(
                stream.broker.topics.name(topic), key=b"s", value=b"\x00\x00" + bytes([number]) * number
            )
    producer.send(stream.broker.topics.name("plays"), key=b"s", value=None)
    producer.flush()
    stream.publish(events[4000:])
    wait_until(stream.is_done, "all is measured")
    letters = [stream.codec.decode(record.value) for record in stream.records(["dead_letters"])]
    assert len({letter.letter_id for letter in letters}) == 201
    assert {letter.service for letter in letters} == {"measure"}
    assert stream.facts() == wanted


def test_a_missing_topic_is_said_and_nothing_is_started(
    kafka: KafkaCluster, topic_prefix: str, tmp_path: Path
) -> None:
    config = tmp_path / "work.yaml"
    config.write_text(
        f'kafka: {{bootstrap: "{kafka.bootstrap}", prefix: {topic_prefix}}}\n', encoding="utf-8"
    )
    with services(tmp_path, config) as running:
        measuring(running, "one")
        assert running.finished("one", 60) == 3
        assert "onlooker topics create" in running.log("one")


def test_a_checkpoint_of_another_version_is_refused(
    stream: Stream, running: Services, events: list[MeasureInput]
) -> None:
    measuring(running, "old")
    stream.publish(events[:500])
    wait_until(stream.is_done, "the beginning is measured")
    running.stop()
    running.processes.clear()
    overwrite_checkpoints(stream)
    stream.publish(events[500:600])
    committed = stream.waiting()
    measuring(running, "new")
    assert running.finished("new", 60) == 2
    assert "version 99" in running.log("new")
    assert stream.waiting() == committed


def overwrite_checkpoints(stream: Stream) -> None:
    """Replace every checkpoint by one of a version that does not exist yet."""
    topic = f"{stream.broker.group('measure')}-states-changelog"
    data = lz4.frame.compress(msgspec.msgpack.encode({"checkpoint_version": 99}))
    consumer = KafkaConsumer(bootstrap_servers=stream.broker.bootstrap, auto_offset_reset="earliest")
    ends = end_offsets(stream.broker, [topic])
    producer = KafkaProducer(bootstrap_servers=stream.broker.bootstrap)
    for place in (TopicPartition(topic, number) for number in range(PARTITIONS)):
        consumer.assign([place])
        consumer.seek(place, 0)
        keys = set()
        while consumer.position(place) < ends[place]:
            keys |= {record.key for records in consumer.poll(500).values() for record in records}
        for key in keys:
            producer.send(topic, key=key, value=data, partition=place.partition)
    producer.flush()
    producer.close()
    consumer.close()
