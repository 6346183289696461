"""Moves events in time, for demonstrations: yesterday's stand as if it were now, under ids of its own."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import msgspec

from schemas.belief import event_time_us
from schemas.errors import UsageError
from schemas.events import FaceObservations, FaceObserved, FrameCaptured, Play, StreamEnded
from schemas.ids import derive_id

ROUND_GAP_US = 60_000_000
"""Between the end of one round of a loop and the begin of the next: long enough for every visit to end."""
_replace = msgspec.structs.replace


def shifted(event: Any, shift_us: int) -> Any:
    """An event as if it had happened at another time.

    Args:
        event: a frame, an observation, a play or the end of a stream.
        shift_us: how much later, us; 0: the event itself.

    Returns:
        Its copy, whose ids differ from the original's and are the same for the same shift.

    Raises:
        UsageError: it is a fact, whose times follow from other events.
    """
    if shift_us == 0:
        return event
    shift = _SHIFTS.get(type(event))
    if shift is None:
        raise UsageError("only frames, observations and plays can be shifted: facts follow from them.")
    return shift(event, shift_us)


class Rounds:
    """By how much each round of a loop is shifted, so that its stands' clocks never go back.

    Args:
        to_now: wall clock, us UTC, if rounds are shifted to it; None: the first keeps its times.
        loop: whether there may be more than one round.
    """

    def __init__(self, to_now: Callable[[], int] | None, *, loop: bool = False) -> None:
        self._to_now = to_now
        self._moves = loop or to_now is not None
        self._shift_us: int | None = None
        self._newest_us: int | None = None

    def begin_again(self) -> None:
        """The next event is the first one of another round."""
        self._shift_us = None

    def moved(self, event: Any) -> Any:
        """The next event, shifted as its round is."""
        if not self._moves:
            return event
        t_us = event_time_us(event)
        if t_us is None:
            return event
        if self._shift_us is None:
            self._shift_us = self._shift_of_round(t_us)
        self._newest_us = max(self._newest_us or 0, t_us + self._shift_us)
        return shifted(event, self._shift_us)

    def _shift_of_round(self, first_us: int) -> int:
        shift_us = 0 if self._to_now is None else self._to_now() - first_us
        if self._newest_us is None:
            return shift_us
        return max(shift_us, self._newest_us + ROUND_GAP_US - first_us)


def _id(known: UUID, shift_us: int) -> UUID:
    return derive_id("shifted", str(known), shift_us)


def _frame(event: FrameCaptured, shift_us: int) -> FrameCaptured:
    return _replace(event, t_us=event.t_us + shift_us)


def _observations(event: FaceObservations, shift_us: int) -> FaceObservations:
    return _replace(
        event,
        observation_id=_id(event.observation_id, shift_us),
        t_us=event.t_us + shift_us,
        faces=tuple(_face(face, shift_us) for face in event.faces),
    )


def _face(face: FaceObserved, shift_us: int) -> FaceObserved:
    return _replace(face, track_id=_id(face.track_id, shift_us))


def _play(event: Play, shift_us: int) -> Play:
    return _replace(
        event,
        play_id=_id(event.play_id, shift_us),
        start_us=event.start_us + shift_us,
        end_us=event.end_us + shift_us,
    )


_SHIFTS: Mapping[type[Any], Callable[[Any, int], Any]] = {
    FrameCaptured: _frame,
    FaceObservations: _observations,
    Play: _play,
    StreamEnded: lambda event, _: event,
}
