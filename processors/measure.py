"""MEASURE: the fold from a stand's observations and plays to its visits and campaign windows."""

import msgspec

from processors.closing import closed, watermark_us
from processors.intake import Frames, admitted, with_frame
from processors.measure_options import MeasureOptions
from processors.plays import with_play
from processors.stand_state import StandState
from schemas.events import FaceObservations, MeasureInput, MeasureOutput, Play

__all__ = ["MeasureOptions", "StandState", "new_stand", "step"]

Facts = tuple[MeasureOutput, ...]


def new_stand(stand_id: str) -> StandState:
    """The state of a stand that has seen nothing.

    Args:
        stand_id: the stand.

    Returns:
        An empty state.
    """
    return StandState(stand_id=stand_id)


def step(state: StandState, event: MeasureInput, options: MeasureOptions) -> tuple[StandState, Facts]:
    """The state after one event, and the facts that follow from it.

    Args:
        state: the stand; the value stays valid.
        event: an observation, a play, or the end of the stand's sources. An event of another stand, a
            repeated one and one that is too late change nothing but a counter.
        options: the thresholds.

    Returns:
        The new state, and the facts in a fixed order: windows by start, then visits by begin.
    """
    if event.stand_id != state.stand_id:
        return state, ()
    if isinstance(event, FaceObservations):
        state, frames = admitted(state, event, options)
        return _with_frames(state, frames, options)
    if isinstance(event, Play):
        return with_play(state, event, options), ()
    return _ended(state, options)


def _with_frames(state: StandState, frames: Frames, options: MeasureOptions) -> tuple[StandState, Facts]:
    facts: Facts = ()
    for frame in frames:
        state = with_frame(state, frame, options)
        if watermark_us(state, options) >= state.next_due_us:
            state, more = closed(state, options)
            facts = facts + more
    return state, facts


def _ended(state: StandState, options: MeasureOptions) -> tuple[StandState, Facts]:
    """Take in what still waits: nothing is left that could contradict it."""
    frames = state.waiting
    state, facts = _with_frames(msgspec.structs.replace(state, waiting=()), frames, options)
    state, last = closed(state, options, ended=True)
    return state, facts + last
