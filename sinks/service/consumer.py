"""The sink's door to kafka-python: a member of the consumer group, its messages and its commits."""

import contextlib
import itertools
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from kafka import KafkaConsumer, errors
from kafka import TopicPartition as KafkaPartition
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.structs import MemberState, OffsetAndMetadata

from schemas.broker import BrokerOptions
from schemas.message import captured_us_of, is_repeated
from schemas.topics import Topic
from schemas.trouble import in_words
from sinks.brokers import ANSWER_MS, consumer_arguments
from sinks.service.feed import Bounds, Committed, Membership, Message, NotOwnerError, TopicPartition
from sinks.service.options import SinkOptions

log = logging.getLogger(__name__)
T = TypeVar("T")
ANCHOR: Topic = "plays"
"""The owner of its first partition speaks for the group: a topic that every site has, and always the same."""
METADATA_MS = 5_000
"""How often the brokers are asked which topics there are: one made later is seen so soon, ms."""
PATIENCE_S = 20.0
"""How long the client may take to find into its group before another is tried, s."""
MESSAGES_A_POLL = 10_000
LONGEST_TURN_MS = 60_000
"""So long the others wait for a sink that hangs but lives; the library would let them wait five minutes."""
LOST = (
    errors.CommitFailedError,
    errors.IllegalGenerationError,
    errors.UnknownMemberIdError,
    errors.RebalanceInProgressError,
    errors.FencedInstanceIdError,
    errors.IllegalStateError,
)


class GroupConsumer:
    """A member of the sink's group; connects on the first poll. Implements `sinks.service.feed.Feed`."""

    def __init__(
        self,
        broker: BrokerOptions,
        topics: Sequence[Topic],
        options: SinkOptions,
        *,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._broker = broker
        self._names = [broker.topics.name(topic) for topic in topics]
        self._options = options
        self._clock_s = clock_s
        self._consumer: Any = None
        self._homeless_s: float | None = None
        """Since when this process belongs to no group."""

    @property
    def group(self) -> str:
        """The group's name."""
        return self._broker.group("sink")

    @property
    def anchor(self) -> TopicPartition:
        """The partition whose owner speaks for the group."""
        return self._broker.topics.name(ANCHOR), 0

    def poll(self, wait_s: float) -> Mapping[TopicPartition, Sequence[Message]]:
        """The next messages, in order; keeps the membership alive."""
        consumer = self._connected()
        found = self._ask(lambda: consumer.poll(timeout_ms=int(1000 * wait_s)))
        return {
            (tp.topic, tp.partition): [_message(record) for record in records]
            for tp, records in found.items()
        }

    def membership(self) -> Membership | None:
        """What this process owns now; None while the group is being formed."""
        found = self._membership()
        now_s = self._clock_s()
        if found is not None:
            self._homeless_s = None
        elif self._homeless_s is None:
            self._homeless_s = now_s
        elif now_s - self._homeless_s > PATIENCE_S:
            self._begin_anew()
        return found

    def _begin_anew(self) -> None:
        """Give up a client that does not find into its group: a topic made anew can confuse it for ever."""
        log.warning("no partitions for %.0f s: join the group with a new client", PATIENCE_S)
        self.close()
        self._consumer = self._homeless_s = None

    def _membership(self) -> Membership | None:
        consumer = self._connected()
        group = consumer.group_metadata()
        if group.state != MemberState.STABLE:
            return None
        incarnations = {}
        for tp in sorted(consumer.assignment()):
            incarnation = self._incarnation(tp.topic)
            if incarnation is None:
                consumer._cluster.request_update()
                return None
            incarnations[tp.topic, tp.partition] = incarnation
        return Membership(member=group.member_id, generation=group.generation_id, incarnations=incarnations)

    def committed(self, tps: Sequence[TopicPartition]) -> Mapping[TopicPartition, Committed]:
        """What the group has committed, for whoever owns them; partitions without a commit are left out."""
        # The public call asks for one partition at a time.
        ask, partitions = (
            self._connected()._coordinator.fetch_committed_offsets,
            itertools.starmap(KafkaPartition, tps),
        )
        found = self._ask(partial(ask, list(partitions), timeout_ms=ANSWER_MS))
        return {
            (tp.topic, tp.partition): Committed(offset=commit.offset, note=commit.metadata or "")
            for tp, commit in found.items()
            if commit.offset >= 0
        }

    def commits(self) -> Mapping[TopicPartition, Committed]:
        """All that the group has committed, for the partitions of all its topics."""
        return self.committed(self.partitions())

    def partitions(self) -> Sequence[TopicPartition]:
        """Those of all topics of the group that there are."""
        ask = self._connected().partitions_for_topic
        found = [(name, self._ask(partial(ask, name)) or ()) for name in self._names]
        return [(name, number) for name, numbers in found for number in sorted(numbers)]

    def bounds(self, tps: Sequence[TopicPartition]) -> Mapping[TopicPartition, Bounds]:
        """The offsets that the partitions hold now."""
        consumer, partitions = self._connected(), [KafkaPartition(*tp) for tp in tps]
        begins = self._ask(lambda: consumer.beginning_offsets(partitions, timeout_ms=ANSWER_MS))
        ends = self._ask(lambda: consumer.end_offsets(partitions, timeout_ms=ANSWER_MS))
        return {tp: Bounds(begin=begins[tp], end=ends[tp]) for tp in tps}

    def commit(self, offsets: Mapping[TopicPartition, Committed]) -> None:
        """Commit, fenced by the group's generation."""
        wanted = {
            KafkaPartition(*tp): OffsetAndMetadata(commit.offset, commit.note, -1)
            for tp, commit in offsets.items()
        }
        consumer = self._connected()
        self._ask(lambda: consumer.commit(wanted, timeout_ms=ANSWER_MS))

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """Read on from an offset."""
        try:
            self._connected().seek(KafkaPartition(*tp), offset)
        except ValueError as error:
            raise NotOwnerError(f"{tp} is no longer this sink's") from error

    def position(self, tp: TopicPartition) -> int | None:
        """The offset that is read next."""
        consumer, partition = self._connected(), KafkaPartition(*tp)
        position: int | None = self._ask(lambda: consumer.position(partition, timeout_ms=ANSWER_MS))
        return position

    def pause(self) -> None:
        """Ask for no more messages, keep the partitions."""
        if self._consumer is not None:
            self._consumer.pause(*self._consumer.assignment())

    def resume(self) -> None:
        """Ask for messages again."""
        if self._consumer is not None:
            self._consumer.resume(*self._consumer.paused())

    def close(self) -> None:
        """Leave the group."""
        if self._consumer is not None:
            with contextlib.suppress(errors.KafkaError):
                self._consumer.close(autocommit=False, timeout_ms=ANSWER_MS)

    def _connected(self) -> Any:
        if self._consumer is None:
            self._consumer = self._ask(self._connect)
        return self._consumer

    def _connect(self) -> Any:
        session_ms = int(1000 * self._options.session_timeout_s)
        return KafkaConsumer(
            *self._names,
            **consumer_arguments(self._broker, "onlooker-sink"),
            group_id=self.group,
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // 4,
            max_poll_interval_ms=max(LONGEST_TURN_MS, session_ms),
            max_poll_records=MESSAGES_A_POLL,
            fetch_max_wait_ms=200,
            metadata_max_age_ms=METADATA_MS,
        )

    def _incarnation(self, topic: str) -> str | None:
        """The brokers' id of a topic: the consumer's view of the cluster has it, no public call gives it."""
        found = self._consumer._cluster.topic_id(topic)
        epoch = f"/{self._options.epoch}" if self._options.epoch else ""
        return None if found is None else f"{found}{epoch}"

    def _ask(self, call: Callable[[], T]) -> T:
        with in_words(self._broker, errors.KafkaError):
            try:
                return call()
            except LOST as error:
                raise NotOwnerError(f"the group has gone on without this sink: {error}") from error


class IdleGroup(GroupConsumer):
    """The group from outside, without joining it: its commits can be read, and changed while no sink runs."""

    def incarnations(self) -> Mapping[TopicPartition, str]:
        """All partitions that there are, each with the id that the brokers gave to its topic."""
        found = {tp: self._incarnation(tp[0]) for tp in self.partitions()}
        return {tp: name for tp, name in found.items() if name is not None}

    def _connect(self) -> Any:
        return KafkaConsumer(**consumer_arguments(self._broker, "onlooker-rebind"), group_id=self.group)


def _message(record: Any) -> Message:
    headers: Iterable[tuple[str, bytes]] = record.headers or ()
    return Message(
        offset=record.offset,
        key=record.key,
        value=record.value,
        captured_us=captured_us_of(headers) if headers else None,
        repeated=is_repeated(headers) if headers else False,
    )
