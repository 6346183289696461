"""Messages as the workers see them: what came in, what goes out. No broker in sight."""

import msgspec

from schemas.topics import Topic


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a message lies."""

    topic: Topic
    partition: int
    offset: int
    incarnation: str = ""
    """Which topic of that name the offset counts in, as the brokers call it."""


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A message that came in, not looked into yet."""

    place: Place
    key: bytes | None
    value: bytes | None
    captured_us: int | None = None
    """When the frame behind it was captured; wall clock, us UTC."""

    def __repr__(self) -> str:
        return f"Received({self.place.topic}:{self.place.partition}:{self.place.offset})"


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A message that goes out to the partition its cause came from."""

    topic: Topic
    partition: int
    key: bytes
    value: bytes
    cause: Place
    captured_us: int | None = None

    def __repr__(self) -> str:
        return f"Outgoing({self.topic}:{self.partition} because of {self.cause})"
