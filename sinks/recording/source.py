"""What a recorder needs from the brokers: partitions by offset, messages with the brokers' time; a port."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from schemas.message import Header
from schemas.topics import Topic

TopicPartition = tuple[Topic, int]
"""A kind of topic and one of its partitions."""


class Arrived(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One message as the brokers give it."""

    tp: TopicPartition
    offset: int
    arrived_us: int
    """The brokers' time of it, us UTC."""
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header] = ()


class Source(Protocol):
    """The topics that are recorded, read beside any consumer group."""

    def topic_ids(self) -> Mapping[Topic, str]:
        """What the brokers call each topic for as long as it lives; not those that are not there now."""
        ...

    def offsets_at(self, t_us: int) -> Mapping[TopicPartition, int]:
        """In each partition, the first message that arrived at an instant or later; its end if none has.

        Args:
            t_us: us UTC.
        """
        ...

    def begin(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read from there on, and nothing else."""
        ...

    def poll(self, wait_s: float) -> Sequence[Arrived]:
        """The next messages, in order for each partition; none when nothing comes in time.

        Args:
            wait_s: how long to wait for the first one, s.
        """
        ...
