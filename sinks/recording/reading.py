"""A message as a recording keeps it: the event, or its bytes with the reason why it is none."""

from collections.abc import Sequence
from typing import Any

from schemas.errors import UndecodableError
from schemas.kinds import kinds
from schemas.message import PRODUCED, PRODUCER, About, Header, captured_us_of, is_repeated
from schemas.pictures import bare
from schemas.ports import EventCodec
from schemas.reading import event_of
from schemas.recording.records import Recorded, Unreadable
from sinks.recording.source import Arrived

_MOST_DIGITS = 18


def recorded_of(message: Arrived, codec: EventCodec) -> Recorded:
    """Read a message as MEASURE would have: what it would have set aside is no event.

    Raises:
        DependencyAwayError: the schema registry is away: read it again later.
    """
    topic, partition = message.tp
    return Recorded(
        topic=topic,
        partition=partition,
        offset=message.offset,
        arrived_us=message.arrived_us,
        event=_event_of(message, codec),
        about=about_of(message.headers),
    )


def about_of(headers: Sequence[Header]) -> About | None:
    """What a producer said in a message's headers, which others may have written; None: nothing."""
    said = dict(headers)
    if PRODUCER not in said:
        return None
    produced = said.get(PRODUCED, b"0")
    return About(
        producer=said[PRODUCER].decode(errors="replace")[:256],
        produced_us=int(produced) if produced.isdigit() and len(produced) < _MOST_DIGITS else 0,
        captured_us=captured_us_of(headers),
        repeated=is_repeated(headers),
    )


def _event_of(message: Arrived, codec: EventCodec) -> Any:
    topic, _ = message.tp
    try:
        return event_of(message.key, message.value, topic=topic, codec=codec, now_us=message.arrived_us)
    except UndecodableError as error:
        key, value = message.key, message.value
        if topic not in kinds().pictured:  # there a grant decides
            key, value = key and bare(key), value and bare(value)
        return Unreadable(cause=error.cause, key=key, value=value)
