"""Setting back: a stand's time ends where it was and begins anew where the clock was set to."""

from processors.measure.closing import closed
from processors.measure.plays import plays_at
from processors.measure.state import StandState
from processors.thresholds import MeasureOptions
from schemas.events import MeasureOutput
from schemas.units import us_from_s


def set_back(
    state: StandState, first_us: int, last_us: int, options: MeasureOptions
) -> tuple[StandState, tuple[MeasureOutput, ...]]:
    """End what is open as at the end of the sources, and begin anew.

    Args:
        state: the stand, whose clock has been set back for certain.
        first_us: the first event of the new time, us UTC.
        last_us: the newest one that is known.
        options: the thresholds.

    Returns:
        A stand that has seen nothing, save which frames and plays there were; and the last facts of its old
        time.
    """
    ended, facts = closed(state, options, ended=True)
    oldest_us = first_us - us_from_s(options.lateness_s) - us_from_s(options.late_horizon_s)
    plays = plays_at(state, last_us, oldest_us)
    again = sum(play in plays for play in state.late_plays)
    begun = StandState(
        stand_id=state.stand_id,
        plays=plays,
        ignored=state.ignored,
        cameras=state.cameras,
        set_back=state.set_back + 1,
        again_us=(first_us, max(ended.closed_until_us, state.again_us[1])),
    )
    return begun.ignoring("plays_late", -again), facts
