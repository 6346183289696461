"""The one reading of a message: its event is believed when topic, clock and key agree with it."""

from typing import Any

from schemas.belief import believable, fitting
from schemas.errors import UndecodableError
from schemas.kinds import kinds
from schemas.ports import EventCodec
from schemas.topics import Topic


def event_of(key: bytes | None, value: bytes | None, *, topic: Topic, codec: EventCodec, now_us: int) -> Any:
    """The event of a message from anybody.

    Args:
        key: of the message.
        value: of the message.
        topic: the kind of the topic it came by.
        codec: bytes to events.
        now_us: the clock that judges it, us UTC: who reads it again by the same one judges alike.

    Returns:
        An event that its topic carries, not from the future, of the stand that its key names.

    Raises:
        UndecodableError: it is none, or must not be believed.
        DependencyAwayError: the registry is away: read it again later.
    """
    event = decoded(value, topic=topic, codec=codec)
    trusted(event, key, now_us)
    return event


def decoded(value: bytes | None, *, topic: Topic, codec: EventCodec) -> Any:
    """The first half of `event_of`: what a message says, for who judges it later."""
    event = codec.decode(value)
    fitting(event, topic)
    return event


def trusted(event: Any, key: bytes | None, now_us: int) -> None:
    """The second half of `event_of`: refuse an event that clock or key contradict."""
    believable(event, now_us)
    stand_id = stand_of(event)
    # A stand's messages lie in the partition of its key: elsewhere they would miss its state and its order.
    if stand_id is not None and key != stand_id.encode():
        raise UndecodableError(
            "wrong_type", f"The event is of the stand {stand_id!r}, its key says something else."
        )


def stand_of(event: Any) -> str | None:
    """The stand that an event is of; None of a dead letter, and of what a recording keeps of no event."""
    kind = kinds().get(type(event))
    return None if kind is None or kind.stand_id is None else kind.stand_id(event)
