"""What may be believed of an event of `schemas.kinds` that can be read: topic, consistency, clock."""

from typing import Any

from schemas.errors import UndecodableError
from schemas.kinds import Topic, kinds
from schemas.units import US_PER_S

MAX_AHEAD_S = 3600.0
"""An event may be so far ahead of the clock of who reads it; what is further ahead is not believed."""


def fitting(event: Any, topic: Topic) -> None:
    """Refuse an event on a topic that is not its own.

    Raises:
        UndecodableError: The topic carries no such event (`wrong_type`).
    """
    if topic not in kinds().of(type(event)).topics:
        names = " or ".join(kind.event.__name__ for kind in kinds().on(topic)) or "nothing yet"
        raise UndecodableError(
            "wrong_type", f"The topic {topic} carries {names}, this is a {type(event).__name__}."
        )


def believable(event: Any, now_us: int, *, max_ahead_s: float = MAX_AHEAD_S) -> None:
    """Refuse an event from the future: one wrong clock would close everybody's windows.

    Raises:
        UndecodableError: Its event time is further ahead (`future`).
    """
    t_us = event_time_us(event)
    if t_us is not None and t_us > now_us + max_ahead_s * US_PER_S:
        ahead_s = (t_us - now_us) / US_PER_S
        raise UndecodableError(
            "future",
            f"The event's time is {ahead_s:.0f} s ahead of the clock here; at most {max_ahead_s:g} s pass.",
        )


def event_time_us(event: Any) -> int | None:
    """The instant an event speaks of.

    Returns:
        Microseconds UTC: of a play its start, of a visit or window its end; None for an event without time.
    """
    time_us = kinds().of(type(event)).time_us
    return None if time_us is None else time_us(event)


def consistent(event: Any) -> None:
    """Refuse an event whose parts contradict each other: no table could hold it.

    Raises:
        UndecodableError: Something ends before it starts, or is not of the event's stand (`out_of_range`).
    """
    check = kinds().of(type(event)).check
    if check is not None:
        check(event)
