"""What the sink needs from a consumer group: messages, membership, committed offsets; a port."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from schemas.errors import OnlookerError

TopicPartition = tuple[str, int]
"""A topic, as the broker names it, and one of its partitions."""


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One message of a partition."""

    offset: int
    key: bytes | None
    value: bytes | None
    captured_us: int | None = None
    """When the frame behind it was captured, us UTC."""
    repeated: bool = False
    """Its sender may have sent it before."""


class Committed(msgspec.Struct, frozen=True, kw_only=True):
    """What a group has committed for a partition."""

    offset: int
    note: str = ""
    """The commit's metadata."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """The offsets [begin, end) that a partition holds."""

    begin: int
    end: int


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """Which partitions this process owns, and since when: any change makes what is in hand worthless."""

    member: str
    generation: int
    incarnations: Mapping[TopicPartition, str]
    """The owned partitions, each with the id that the brokers gave to its topic."""


class NotOwnerError(OnlookerError):
    """The group has gone on without this process: drop what is in hand and join again."""


class Feed(Protocol):
    """Messages of the partitions that a group gives to this process."""

    @property
    def group(self) -> str:
        """The group's name."""
        ...

    @property
    def anchor(self) -> TopicPartition:
        """The partition whose owner speaks for the group; always the same, be it there or not."""
        ...

    def poll(self, wait_s: float) -> Mapping[TopicPartition, Sequence[Message]]:
        """The next messages, in order; keeps the membership alive.

        Args:
            wait_s: how long to wait for the first one, s.
        """
        ...

    def membership(self) -> Membership | None:
        """What this process owns now; None while the group is being formed."""
        ...

    def committed(self, tps: Sequence[TopicPartition]) -> Mapping[TopicPartition, Committed]:
        """What the group has committed, for whoever owns them; partitions without a commit are left out."""
        ...

    def commits(self) -> Mapping[TopicPartition, Committed]:
        """All that the group has committed, for the partitions of all its topics."""
        ...

    def bounds(self, tps: Sequence[TopicPartition]) -> Mapping[TopicPartition, Bounds]:
        """The offsets that the partitions hold now."""
        ...

    def commit(self, offsets: Mapping[TopicPartition, Committed]) -> None:
        """Commit, fenced by the group's generation.

        Raises:
            NotOwnerError: the group has gone on without this process.
            BrokerAwayError: nobody answers: commit again.
        """
        ...

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """Read on from an offset."""
        ...

    def position(self, tp: TopicPartition) -> int | None:
        """The offset that is read next."""
        ...

    def pause(self) -> None:
        """Ask for no more messages, keep the partitions."""
        ...

    def resume(self) -> None:
        """Ask for messages again."""
        ...

    def close(self) -> None:
        """Leave the group."""
        ...
