"""MEASURE: the fold from a stand's observations and plays to its visits and campaign windows."""

import msgspec

from processors.measure.closing import closed, watermark_us
from processors.measure.intake import Frames, admitted, is_late, with_frame, without_waiting
from processors.measure.plays import with_play
from processors.measure.setting_back import set_back
from processors.measure.state import STATE_VERSION, StandState
from processors.thresholds import MeasureOptions
from schemas.errors import UsageError
from schemas.events import FaceObservations, MeasureInput, MeasureOutput, Play

__all__ = ["Facts", "MeasureOptions", "StandState", "checkpoint_of", "ended", "entered", "state_from", "step"]

Facts = tuple[MeasureOutput, ...]


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
        return entered(state, frames, options)
    if isinstance(event, Play):
        return with_play(state, event, options), ()
    return ended(state, options)


def checkpoint_of(state: StandState) -> bytes:
    """The state as MessagePack, to go on from after a restart."""
    return msgspec.msgpack.encode(state)


def state_from(checkpoint: bytes) -> StandState:
    """The state of a checkpoint, equal to the one that `checkpoint_of` encoded.

    Raises:
        UsageError: the checkpoint is not one of this version.
    """
    try:
        version = msgspec.msgpack.decode(checkpoint, type=_Versioned).state_version
        if version == STATE_VERSION:
            return msgspec.msgpack.decode(checkpoint, type=StandState)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The checkpoint of MEASURE is damaged ({error}); remove it to begin anew."
        ) from error
    raise UsageError(
        f"The checkpoint of MEASURE has version {version}, this program needs {STATE_VERSION}: "
        "let the program that wrote it end its streams, then remove it."
    )


class _Versioned(msgspec.Struct):
    state_version: int


def entered(state: StandState, frames: Frames, options: MeasureOptions) -> tuple[StandState, Facts]:
    """The state with admitted events in it, and what they made certain."""
    facts: Facts = ()
    if frames and is_late(state, frames[0].t_us, options):
        state, facts = set_back(state, frames, options)
    for frame in frames:
        state = with_frame(state, frame, options)
        if watermark_us(state, options) >= state.next_due_us:
            state, more = closed(state, options)
            facts = facts + more
    return state, facts


def ended(state: StandState, options: MeasureOptions) -> tuple[StandState, Facts]:
    """Write all that is open as it stands; a state that goes on afterwards corrects it like any other fact.

    What still waits ahead is taken in: nothing is left that could contradict it.
    """
    frames = tuple(each for each in state.waiting if not is_late(state, each.t_us, options))
    state, facts = entered(without_waiting(state, keep=frames), frames, options)
    state, last = closed(state, options, ended=True)
    return state, facts + last
