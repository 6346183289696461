"""The recorder's door to kafka-python: partitions by offset, beside any consumer group; whole topics."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kafka import KafkaConsumer, errors
from kafka import TopicPartition as KafkaPartition

from schemas.broker import BrokerOptions
from schemas.errors import UsageError
from schemas.topics import Topic
from schemas.trouble import in_words
from schemas.units import US_PER_MS
from sinks.brokers import ANSWER_MS, consumer_arguments
from sinks.recording.source import Arrived, TopicPartition
from sinks.service.feed import Bounds

MESSAGES_A_POLL = 2_000
METADATA_MS = 5_000
"""How often the brokers are asked which topics there are: one made anew is noticed so soon, ms."""


class KafkaSource:
    """Topics of a site; connects when made. Implements `sinks.recording.source.Source`.

    Raises:
        BrokerAwayError: nobody answers.
        UsageError: a topic is missing, or the brokers refuse us.
    """

    def __init__(
        self, broker: BrokerOptions, topics: Sequence[Topic], client: str = "onlooker-recorder"
    ) -> None:
        self._broker = broker
        self._kinds = {broker.topics.name(topic): topic for topic in topics}
        with self._in_words():
            self._consumer: Any = KafkaConsumer(
                **consumer_arguments(broker, client),
                max_poll_records=MESSAGES_A_POLL,
                fetch_max_wait_ms=100,
                metadata_max_age_ms=METADATA_MS,
            )
        self._tps = {partition: tp for name in self._kinds for partition, tp in self._partitions(name)}

    def topic_ids(self) -> Mapping[Topic, str]:
        """What the brokers call each topic for as long as it lives."""
        ids = {kind: self._consumer._cluster.topic_id(name) for name, kind in self._kinds.items()}
        return {kind: str(found) for kind, found in ids.items() if found is not None}

    def bounds(self) -> Mapping[TopicPartition, Bounds]:
        """The offsets that each partition holds now."""
        partitions = list(self._tps)
        with self._in_words():
            begins = self._consumer.beginning_offsets(partitions, timeout_ms=ANSWER_MS)
            ends = self._consumer.end_offsets(partitions, timeout_ms=ANSWER_MS)
        return {
            tp: Bounds(begin=begins[partition], end=ends[partition]) for partition, tp in self._tps.items()
        }

    def offsets_at(self, t_us: int) -> Mapping[TopicPartition, int]:
        """In each partition, the first message that arrived at an instant or later; its end if none has."""
        ends = self.bounds()
        asked = dict.fromkeys(self._tps, -(-t_us // US_PER_MS))
        with self._in_words():
            found = self._consumer.offsets_for_times(asked, timeout_ms=ANSWER_MS)
        return {
            tp: ends[tp].end if found.get(partition) is None else found[partition].offset
            for partition, tp in self._tps.items()
        }

    def begin(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read from there on, and nothing else."""
        wanted = {partition: positions[tp] for partition, tp in self._tps.items() if tp in positions}
        with self._in_words():
            self._consumer.assign(list(wanted))
            for partition, offset in wanted.items():
                self._consumer.seek(partition, offset)

    def poll(self, wait_s: float) -> Sequence[Arrived]:
        """The next messages, in order for each partition."""
        with self._in_words():
            found = self._consumer.poll(timeout_ms=int(1000 * wait_s))
        return [_arrived(self._tps[partition], each) for partition, batch in found.items() for each in batch]

    def has_reached(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Whether everything before some offsets has been polled."""
        with self._in_words():
            return all(self._consumer.position(partition) >= ends[tp] for partition, tp in self._tps.items())

    def close(self) -> None:
        """Let the brokers go."""
        with contextlib.suppress(errors.KafkaError):
            self._consumer.close(autocommit=False, timeout_ms=ANSWER_MS)

    def _partitions(self, name: str) -> Iterator[tuple[Any, TopicPartition]]:
        with self._in_words():
            numbers = self._consumer.partitions_for_topic(name)
        if not numbers:
            raise UsageError(f"the brokers have no topic {name}: run `onlooker topics create`")
        for number in sorted(numbers):
            yield KafkaPartition(name, number), (self._kinds[name], number)

    def _in_words(self) -> contextlib.AbstractContextManager[None]:
        return in_words(self._broker, errors.KafkaError)


def whole_topic(broker: BrokerOptions, topic: Topic) -> Iterator[Arrived]:
    """All messages that a topic holds now, in order by partition.

    Raises:
        BrokerAwayError: the brokers do not answer.
        UsageError: there is no such topic, or they refuse us.
    """
    with contextlib.closing(KafkaSource(broker, [topic], "onlooker-letters")) as source:
        bounds = source.bounds()
        source.begin({tp: each.begin for tp, each in bounds.items()})
        while not source.has_reached({tp: each.end for tp, each in bounds.items()}):
            yield from source.poll(0.5)


def _arrived(tp: TopicPartition, record: Any) -> Arrived:
    return Arrived(
        tp=tp,
        offset=record.offset,
        arrived_us=max(0, record.timestamp) * US_PER_MS,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers or ()),
    )
