"""Alignment of MEASURE's two inputs: a play enters just before the first frame at or after its start.

So the embedded run hands plays over, and only the same order gives the same facts.
"""

from bisect import insort

import msgspec

from processors.measure.fold import Facts, StandState, checkpoint_of, state_from, step
from processors.measure.plays import BY_START
from processors.thresholds import MeasureOptions
from schemas.errors import UsageError
from schemas.events import FaceObservations, MeasureInput, Play

MOST_HELD = 10_000
"""Plays of one stand that may wait for their time; a day's playlist sent ahead at once fits."""


class AlignedState(msgspec.Struct, frozen=True, kw_only=True):
    """A stand of MEASURE with the plays whose time has not come."""

    stand: StandState
    newest_us: int | None = None
    """Newest event time of any frame."""
    held: tuple[Play, ...] = ()
    """By start."""
    dropped: int = 0
    """Plays that found `MOST_HELD` others waiting."""


class AlignedMeasure:
    """MEASURE as a worker drives it: a fold over both inputs in the order in which they were published."""

    def __init__(self, options: MeasureOptions) -> None:
        self._options = options

    def new_state(self, stand_id: str) -> AlignedState:
        """A stand that nobody has visited."""
        return AlignedState(stand=StandState(stand_id=stand_id))

    def step(self, state: AlignedState, event: MeasureInput) -> tuple[AlignedState, Facts]:
        """One more event of the stand.

        Args:
            state: the stand so far.
            event: a play, an observation, or the end of the stand's sources; a play that starts after the
                last frame stays held at the end, because nobody has seen it.

        Returns:
            The new state and what became certain or was corrected.
        """
        if isinstance(event, Play) and (state.newest_us is None or event.start_us > state.newest_us):
            return _holding(state, event), ()
        facts: Facts = ()
        if isinstance(event, FaceObservations) and (state.newest_us is None or event.t_us > state.newest_us):
            is_first = state.newest_us is None
            state = msgspec.structs.replace(state, newest_us=event.t_us)
            if is_first:
                # The stand must know the time first: of which plays are too late for it.
                stand, facts = step(state.stand, event, self._options)
                state = msgspec.structs.replace(state, stand=stand)
            state, more = self._released(state, event.t_us)
            facts = facts + more
        stand, more = step(state.stand, event, self._options)
        if stand.set_back != state.stand.set_back:
            return _set_back(state, stand), facts + more
        return msgspec.structs.replace(state, stand=stand), facts + more

    def _released(self, state: AlignedState, t_us: int) -> tuple[AlignedState, Facts]:
        """Hand over the plays that have begun by now."""
        begun = [play for play in state.held if play.start_us <= t_us]
        if not begun:
            return state, ()
        stand = state.stand
        facts: Facts = ()
        for play in begun:
            stand, more = step(stand, play, self._options)
            facts = facts + more
        return msgspec.structs.replace(state, stand=stand, held=state.held[len(begun) :]), facts

    def kept(self, state: AlignedState) -> bytes:
        """The state as bytes, to go on from after a restart."""
        fields = msgspec.structs.asdict(state)
        return msgspec.msgpack.encode(_Kept(**{**fields, "stand": checkpoint_of(state.stand)}))

    def restored(self, kept: bytes) -> AlignedState:
        """A state equal to the one that `kept` was given.

        Raises:
            UsageError: the bytes are damaged, or of another version.
        """
        try:
            rest = msgspec.msgpack.decode(kept, type=_Kept)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UsageError(
                f"A checkpoint of MEASURE is damaged ({error}); remove it to begin anew."
            ) from error
        return AlignedState(**{**msgspec.structs.asdict(rest), "stand": state_from(rest.stand)})


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    stand: bytes
    newest_us: int | None
    held: tuple[Play, ...]
    dropped: int


def _set_back(state: AlignedState, stand: StandState) -> AlignedState:
    """What was held has begun in neither time; what has not begun in the new one is held too."""
    newest_us = stand.newest_us or 0
    begun = tuple(play for play in stand.plays if play.start_us <= newest_us)
    stand, ahead = msgspec.structs.replace(stand, plays=begun), stand.plays[len(begun) :]
    state = msgspec.structs.replace(state, stand=stand, newest_us=newest_us)
    for play in ahead:
        state = _holding(state, play)
    return state


def _holding(state: AlignedState, play: Play) -> AlignedState:
    if any(known.play_id == play.play_id for known in state.held):
        return state
    held = list(state.held)
    insort(held, play, key=BY_START)
    return msgspec.structs.replace(
        state, held=tuple(held[:MOST_HELD]), dropped=state.dropped + max(0, len(held) - MOST_HELD)
    )
