"""Alignment of MEASURE's two inputs: a play enters just before the first frame at or after its start.

So the embedded run hands plays over, and only the same order gives the same facts.
"""

from bisect import insort
from typing import Any

import msgspec

from processors.measure.eras import Era, Eras, advanced
from processors.measure.fold import Facts, StandState, checkpoint_of, state_from, step
from processors.measure.plays import BY_START
from processors.thresholds import MeasureOptions, options_from, options_kept
from schemas.errors import UsageError
from schemas.events import FaceObservations, MeasureInput, Play

MOST_HELD = 10_000
"""Plays of one stand that may wait for their time; a day's playlist sent ahead at once fits."""


class AlignedState(msgspec.Struct, frozen=True, kw_only=True):
    """A stand of MEASURE with the options in force, and the plays whose time has not come."""

    stand: StandState
    options: MeasureOptions
    """As far as they concern the stand."""
    before: Era | None = None
    """The stand until its options changed, while events may be late for it."""
    newest_us: int | None = None
    """Newest event time of any frame."""
    held: tuple[Play, ...] = ()
    """By start."""
    dropped: int = 0
    """Plays that found `MOST_HELD` others waiting."""


class AlignedMeasure:
    """MEASURE as a worker drives it: a fold over both inputs in the order in which they were published.

    A state goes on with the options that it has until those from here come into force
    (`processors/measure/eras.py`).
    """

    def __init__(self, options: MeasureOptions) -> None:
        self._own = {stand_id: options.of_stand(stand_id) for stand_id in options.stands}
        self._elsewhere = options.of_stand("")

    def new_state(self, stand_id: str) -> AlignedState:
        """A stand that nobody has visited."""
        return AlignedState(stand=StandState(stand_id=stand_id), options=self._wanted(stand_id))

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
                state, facts = self._advanced(state, event)
            state, more = self._released(state, event.t_us)
            facts = facts + more
        state, more = self._advanced(state, event)
        return state, facts + more

    def _wanted(self, stand_id: str) -> MeasureOptions:
        return self._own.get(stand_id, self._elsewhere)

    def _advanced(self, state: AlignedState, event: MeasureInput) -> tuple[AlignedState, Facts]:
        wanted, now = self._wanted(state.stand.stand_id), Era(stand=state.stand, options=state.options)
        if state.options is wanted and state.before is None:
            stand, facts = step(state.stand, event, wanted)
            changed = msgspec.structs.replace(state, stand=stand)
        else:
            eras, facts = advanced(Eras(now=now, before=state.before), event, wanted)
            stand, options = eras.now.stand, eras.now.options
            changed = msgspec.structs.replace(state, stand=stand, options=options, before=eras.before)
        if stand.set_back != state.stand.set_back:
            changed = _set_back(changed, stand)
        return changed, facts

    def _released(self, state: AlignedState, t_us: int) -> tuple[AlignedState, Facts]:
        """Hand over the plays that have begun by now."""
        begun = [play for play in state.held if play.start_us <= t_us]
        if not begun:
            return state, ()
        facts: Facts = ()
        for play in begun:
            state, more = self._advanced(state, play)
            facts = facts + more
        return msgspec.structs.replace(state, held=state.held[len(begun) :]), facts

    def ignored(self, before: AlignedState, after: AlignedState) -> str | None:
        """Why the event between two states, without facts, changed nothing.

        Returns:
            A word of `LateCounts`; `known` when it only moved nothing on; None when it did.
        """
        was, now = before.stand, after.stand
        if now.newest_us != was.newest_us or not (
            after.held is before.held and now.plays is was.plays and now.waiting is was.waiting
        ):
            return None
        earlier = msgspec.structs.asdict(was.ignored)
        risen = (
            name.partition("_")[2]
            for name, count in msgspec.structs.asdict(now.ignored).items()
            if count > earlier[name]
        )
        return next(risen, "known")

    def kept(self, state: AlignedState) -> bytes:
        """The state as bytes, to go on from after a restart."""
        before = state.before
        kept = _Kept(
            stand=checkpoint_of(state.stand),
            newest_us=state.newest_us,
            held=state.held,
            dropped=state.dropped,
            options=options_kept(state.options),
            before=None if before is None else checkpoint_of(before.stand),
            options_before=None if before is None else options_kept(before.options),
        )
        return msgspec.msgpack.encode(kept)

    def restored(self, kept: bytes) -> AlignedState:
        """A state equal to the one that `kept` was given.

        One that was kept without options, by an earlier release, is taken as made with those from here.

        Raises:
            UsageError: the bytes are damaged, or of another version.
        """
        try:
            rest = msgspec.msgpack.decode(kept, type=_Kept)
            made_with = None if rest.options is None else options_from(rest.options)
            before = None
            if rest.before is not None and rest.options_before is not None:
                before = Era(stand=state_from(rest.before), options=options_from(rest.options_before))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UsageError(
                f"A checkpoint of MEASURE is damaged ({error}); remove it to begin anew."
            ) from error
        stand = state_from(rest.stand)
        wanted = self._wanted(stand.stand_id)
        return AlignedState(
            stand=stand,
            options=wanted if made_with is None or made_with == wanted else made_with,
            before=before,
            newest_us=rest.newest_us,
            held=rest.held,
            dropped=rest.dropped,
        )


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    stand: bytes
    newest_us: int | None
    held: tuple[Play, ...]
    dropped: int
    options: dict[str, Any] | None = None
    before: bytes | None = None
    options_before: dict[str, Any] | None = None


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
