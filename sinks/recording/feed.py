"""The recorder's door to kafka-python: partitions read by place, beside any consumer group; whole topics."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition, errors

from schemas.broker import BrokerOptions
from schemas.errors import UsageError
from schemas.topics import Topic
from schemas.trouble import in_words
from schemas.units import US_PER_MS
from sinks.brokers import ANSWER_MS, consumer_arguments
from sinks.recording.source import Arrived, Lane
from sinks.service.feed import Bounds

MESSAGES_A_POLL = 2_000


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
                metadata_max_age_ms=30_000,
            )
        self._lanes = {place: lane for name in self._kinds for place, lane in self._places(name)}

    def topic_ids(self) -> Mapping[Topic, str]:
        """What the brokers call each topic for as long as it lives."""
        ids = {kind: self._consumer._cluster.topic_id(name) for name, kind in self._kinds.items()}
        return {kind: str(found) for kind, found in ids.items() if found is not None}

    def bounds(self) -> Mapping[Lane, Bounds]:
        """The offsets that each partition holds now."""
        places = list(self._lanes)
        with self._in_words():
            begins = self._consumer.beginning_offsets(places, timeout_ms=ANSWER_MS)
            ends = self._consumer.end_offsets(places, timeout_ms=ANSWER_MS)
        return {lane: Bounds(begin=begins[place], end=ends[place]) for place, lane in self._lanes.items()}

    def offsets_at(self, t_us: int) -> Mapping[Lane, int]:
        """In each partition, the first message that arrived at an instant or later; its end if none has."""
        ends = self.bounds()
        asked = dict.fromkeys(self._lanes, -(-t_us // US_PER_MS))
        with self._in_words():
            found = self._consumer.offsets_for_times(asked, timeout_ms=ANSWER_MS)
        return {
            lane: ends[lane].end if found.get(place) is None else found[place].offset
            for place, lane in self._lanes.items()
        }

    def begin(self, positions: Mapping[Lane, int]) -> None:
        """Read from there on, and nothing else."""
        wanted = {place: positions[lane] for place, lane in self._lanes.items() if lane in positions}
        with self._in_words():
            self._consumer.assign(list(wanted))
            for place, offset in wanted.items():
                self._consumer.seek(place, offset)

    def poll(self, wait_s: float) -> Sequence[Arrived]:
        """The next messages, in order for each partition."""
        with self._in_words():
            found = self._consumer.poll(timeout_ms=int(1000 * wait_s))
        return [_arrived(self._lanes[place], each) for place, batch in found.items() for each in batch]

    def has_reached(self, ends: Mapping[Lane, int]) -> bool:
        """Whether everything before some offsets has been polled."""
        with self._in_words():
            return all(self._consumer.position(place) >= ends[lane] for place, lane in self._lanes.items())

    def close(self) -> None:
        """Let the brokers go."""
        with contextlib.suppress(errors.KafkaError):
            self._consumer.close(autocommit=False, timeout_ms=ANSWER_MS)

    def _places(self, name: str) -> Iterator[tuple[Any, Lane]]:
        with self._in_words():
            numbers = self._consumer.partitions_for_topic(name)
        if not numbers:
            raise UsageError(f"the brokers have no topic {name}: run `onlooker topics create`")
        for number in sorted(numbers):
            yield TopicPartition(name, number), (self._kinds[name], number)

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
        source.begin({lane: each.begin for lane, each in bounds.items()})
        while not source.has_reached({lane: each.end for lane, each in bounds.items()}):
            yield from source.poll(0.5)


def _arrived(lane: Lane, record: Any) -> Arrived:
    return Arrived(
        lane=lane,
        offset=record.offset,
        arrived_us=max(0, record.timestamp) * US_PER_MS,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers or ()),
    )
