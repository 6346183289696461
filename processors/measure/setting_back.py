"""Setting back: a stand's time ends where it was and begins anew where the clock was set to."""

from processors.measure.closing import closed
from processors.measure.intake import Frames
from processors.measure.plays import plays_at
from processors.measure.state import Again, StandState
from processors.thresholds import MeasureOptions
from schemas.events import MeasureOutput
from schemas.units import us_from_s


def set_back(
    state: StandState, frames: Frames, options: MeasureOptions
) -> tuple[StandState, tuple[MeasureOutput, ...]]:
    """End what is open as at the end of the sources, and begin anew.

    Args:
        state: the stand, whose clock has been set back for certain.
        frames: the first events of the new time.
        options: the thresholds.

    Returns:
        A stand that has seen nothing, save which frames and plays there were; and the last facts of its old
        time.
    """
    ended, facts = closed(state, options, ended=True)
    first = frames[0]
    oldest_us = first.t_us - us_from_s(options.lateness_s) - us_from_s(options.late_horizon_s)
    plays = plays_at(state, frames[-1].t_us, oldest_us)
    late = tuple(play for play in state.late_plays if play not in plays)
    until_us = max(ended.closed_until_us, state.again.until_us if state.again is not None else 0)
    begun = StandState(
        stand_id=state.stand_id,
        plays=plays,
        late_plays=late,
        ignored=state.ignored,
        cameras=state.cameras,
        set_back=state.set_back + 1,
        again=Again(first.t_us, first.frame_index, until_us),
    )
    return begun.ignoring("plays_late", len(late) - len(state.late_plays)), facts
