"""A site's topics with synthetic stands in them, workers over them, and the facts that they should find."""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import lz4.frame
import msgspec
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import KafkaError

from processors.measure.stage import MeasureStage
from processors.runtime.local import Delivery, LocalRuntime
from processors.thresholds import MeasureOptions
from schemas.broker import BrokerOptions
from schemas.events import MeasureInput, Play, VisitEnded, WindowClosed
from schemas.message import About
from schemas.topics import TOPICS, Topic
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry
from tests.brokers import KafkaCluster
from tests.services import Services, end_offsets, lag, wait_until

PARTITIONS = 4
SESSION_S = 6.0
"""So long the partitions of a dead or silent worker wait for another."""
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
            f'kafka: {{bootstrap: "{cluster.bootstrap}", prefix: {prefix}}}\n'
            f"work: {{session_timeout_s: {SESSION_S}}}\n",
            encoding="utf-8",
        )
        self._partitions, self._copies = partitions, min(3, cluster.brokers)
        self.make(TOPICS)

    def make(self, topics: Sequence[Topic]) -> None:
        """Make topics."""
        settings = {"max.message.bytes": "4700000", "min.insync.replicas": str(max(1, self._copies - 1))}
        with closing(KafkaAdminClient(bootstrap_servers=self.broker.bootstrap)) as admin:
            admin.create_topics(
                [
                    NewTopic(
                        name=self.broker.topics.name(topic),
                        num_partitions=self._partitions,
                        replication_factor=self._copies,
                        topic_configs=settings,
                    )
                    for topic in topics
                ]
            )

    def delete(self, topics: Sequence[Topic]) -> None:
        """Delete topics, and wait until the brokers have forgotten them."""
        names = [self.broker.topics.name(topic) for topic in topics]
        with closing(KafkaAdminClient(bootstrap_servers=self.broker.bootstrap)) as admin:
            admin.delete_topics(names)
            wait_until(lambda: not set(names) & set(admin.list_topics()), f"{names} are deleted")

    def make_anew(self, topics: Sequence[Topic]) -> None:
        """Delete topics and make them again, empty."""
        self.delete(topics)
        self.make(topics)

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
