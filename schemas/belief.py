"""What may be believed of an event that can be read: its topic, its own consistency, its clock."""

from collections.abc import Callable, Mapping
from typing import Any

from schemas.errors import UndecodableError
from schemas.events import (
    EXPRESSIONS,
    DeadLetter,
    Exposure,
    FaceObservations,
    FrameCaptured,
    Play,
    StreamEnded,
    Visit,
    VisitEnded,
    WindowClosed,
)
from schemas.topics import Topic
from schemas.units import US_PER_S

KINDS_OF: Mapping[Topic, tuple[type[Any], ...]] = {
    "frames": (FrameCaptured, StreamEnded),
    "observations": (FaceObservations, StreamEnded),
    "plays": (Play,),
    "purchases": (),
    "visits": (VisitEnded,),
    "decisions": (),
    "campaign_windows": (WindowClosed,),
    "dead_letters": (DeadLetter,),
}
"""The kinds of event that each topic carries."""


def topics_of(event: type[Any]) -> tuple[Topic, ...]:
    """The topics that carry a kind of event.

    Args:
        event: one of `schemas.events.Event`.

    Returns:
        At least one for each of them.
    """
    return tuple(topic for topic, kinds in KINDS_OF.items() if event in kinds)


def fitting(event: Any, topic: Topic) -> None:
    """Refuse an event on a topic that is not its own.

    Args:
        event: a value of `schemas.events.Event`.
        topic: the kind of the topic it came by.

    Raises:
        UndecodableError: The topic carries no such event (`wrong_type`).
    """
    if type(event) not in KINDS_OF[topic]:
        names = " or ".join(kind.__name__ for kind in KINDS_OF[topic]) or "nothing yet"
        raise UndecodableError(
            "wrong_type", f"The topic {topic} carries {names}, this is a {type(event).__name__}."
        )


def believable(event: Any, now_us: int, *, max_ahead_s: float = 3600) -> None:
    """Refuse an event from the future: one wrong clock would close everybody's windows.

    Args:
        event: a value of `schemas.events.Event`.
        now_us: wall clock, microseconds UTC.
        max_ahead_s: how far a clock may be ahead, s.

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

    Args:
        event: a value of `schemas.events.Event`.

    Returns:
        Microseconds UTC: of a play its start, of a visit or window its end; None for an event without time.
    """
    return _TIMES[type(event)](event)


def consistent(event: Any) -> None:
    """Refuse an event whose parts contradict each other: no table could hold it.

    Args:
        event: a value of `schemas.events.Event`.

    Raises:
        UndecodableError: Something ends before it starts, or is not of the event's stand (`out_of_range`).
    """
    check = _CHECKS.get(type(event))
    if check is not None:
        check(event)


_TIMES: Mapping[type[Any], Callable[[Any], int | None]] = {
    FrameCaptured: lambda event: event.t_us,
    FaceObservations: lambda event: event.t_us,
    StreamEnded: lambda event: None,  # noqa: ARG005
    Play: lambda event: event.start_us,
    VisitEnded: lambda event: event.visit.ended_us,
    WindowClosed: lambda event: event.end_us,
    DeadLetter: lambda event: event.failed_us,
}


def _ordered(what: str, start_us: int, end_us: int) -> None:
    if end_us < start_us:
        raise UndecodableError("out_of_range", f"The {what} ends {start_us - end_us} us before it starts.")


def _check_visit(event: VisitEnded) -> None:
    visit: Visit = event.visit
    _ordered("visit", visit.started_us, visit.ended_us)
    for exposure in event.exposures:
        _check_exposure(exposure, visit)


def _check_exposure(exposure: Exposure, visit: Visit) -> None:
    _ordered("play of an exposure", exposure.play_start_us, exposure.play_end_us)
    _ordered("exposure", exposure.started_us, exposure.ended_us)
    if exposure.visit_id != visit.visit_id or exposure.stand_id != visit.stand_id:
        raise UndecodableError(
            "out_of_range", "An exposure belongs to another visit than the one it came with."
        )
    if len(exposure.expression_us) not in (0, len(EXPRESSIONS)):
        raise UndecodableError("out_of_range", f"expression_us has {len(exposure.expression_us)} values.")


_CHECKS: Mapping[type[Any], Callable[[Any], None]] = {
    Play: lambda event: _ordered("play", event.start_us, event.end_us),
    VisitEnded: _check_visit,
    WindowClosed: lambda event: _ordered("window", event.start_us, event.end_us),
}
