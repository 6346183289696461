"""How far each consumer group is: committed offsets and ends of topics, asked again and again."""

import threading
import time
from collections.abc import Iterable

import msgspec
from kafka import KafkaAdminClient
from kafka import TopicPartition as KafkaPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError

from schemas.broker import BrokerOptions
from sinks.service.feed import TopicPartition
from tests.services import READS


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What was known at one moment."""

    at_s: float
    """When the question was put, by the monotonic clock: all of this is at least as new."""
    ends: dict[TopicPartition, int]
    committed: dict[str, dict[TopicPartition, int]]
    """By service."""

    def lag(self, service: str) -> int:
        """Messages that a service has not committed."""
        return sum(max(0, self.ends[place] - done) for place, done in self.committed[service].items())

    def done(self, service: str) -> int:
        """Messages that a service has committed."""
        return sum(self.committed[service].values())

    def total(self, topic: str) -> int:
        """Messages in a topic."""
        return sum(end for (name, _), end in self.ends.items() if name == topic)


def has_moved(before: Progress, now: Progress, service: str) -> bool:
    """Whether a service makes progress again on every partition on which something waits.

    Args:
        before: the first answer after the trouble began.
        now: a later one.
        service: whose group is meant.

    Returns:
        False while nothing has been committed since, or a partition with something in it has not moved.
    """
    old, new = before.committed[service], now.committed[service]
    moved = [place for place in new if new[place] > old[place]]
    waiting = [place for place in new if now.ends[place] > old[place]]
    return bool(moved) and set(waiting) <= set(moved)


class ProgressWatch:
    """A thread that keeps asking; answers are missing while brokers are away.

    Args:
        broker: the cluster and the site's prefix.
        partitions: of each topic.
        every_s: pause between two questions.
    """

    def __init__(self, broker: BrokerOptions, *, partitions: int, every_s: float = 0.5) -> None:
        self._broker = broker
        self._every_s = every_s
        self._reads: dict[str, list[TopicPartition]] = {
            service: [(broker.topics.name(topic), n) for topic in topics for n in range(partitions)]
            for service, topics in READS.items()
        }
        self._latest: Progress | None = None
        self._fresh = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._stop.set()
        self._thread.join(30.0)

    @property
    def latest(self) -> Progress | None:
        """The newest answer."""
        return self._latest

    def after(self, at_s: float, timeout_s: float = 60.0) -> Progress:
        """The first answer to a question put after an instant."""
        with self._fresh:
            found = self._fresh.wait_for(
                lambda: self._latest is not None and self._latest.at_s >= at_s, timeout_s
            )
            assert found, f"the brokers have not told how far the groups are for {timeout_s:.0f} s"
            assert self._latest is not None
            return self._latest

    def _run(self) -> None:
        admin: KafkaAdminClient | None = None
        while not self._stop.wait(self._every_s):
            try:
                if admin is None:
                    admin = KafkaAdminClient(
                        bootstrap_servers=self._broker.bootstrap, request_timeout_ms=3000
                    )
                found = self._asked(admin)
            except KafkaError:
                if admin is not None:
                    admin.close()
                admin = None
                continue
            with self._fresh:
                self._latest = found
                self._fresh.notify_all()
        if admin is not None:
            admin.close()

    def _asked(self, admin: KafkaAdminClient) -> Progress:
        """Committed offsets first: what waits is then rather over- than understated."""
        at_s = time.monotonic()
        committed = {service: self._committed(admin, service) for service in self._reads}
        everything = {place for places in self._reads.values() for place in places}
        return Progress(at_s=at_s, ends=_ends(admin, everything), committed=committed)

    def _committed(self, admin: KafkaAdminClient, service: str) -> dict[TopicPartition, int]:
        group = self._broker.group(service)
        found = admin.list_group_offsets(group).get(group, {})
        known = {(place.topic, place.partition): max(0, each.offset) for place, each in found.items()}
        return {place: known.get(place, 0) for place in self._reads[service]}


def _ends(admin: KafkaAdminClient, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
    asked = {KafkaPartition(*place): OffsetSpec.LATEST for place in places}
    found = admin.list_partition_offsets(asked)
    return {(place.topic, place.partition): each.offset for place, each in found.items()}
