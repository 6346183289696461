"""Plays: which ones a stand accepts, keeps and counts inside a window."""

from bisect import insort
from collections.abc import Iterable
from operator import attrgetter

import msgspec

from processors.measure.segments import Interval
from processors.measure.state import StandState
from processors.thresholds import MeasureOptions
from schemas.events import Play
from schemas.units import us_from_s

Creative = tuple[str, str]
"""Campaign id and creative id."""

MOST_LATE = 500
"""Late plays that are kept: so many may be read before the frames by which the clock was set back."""
BY_START = attrgetter("start_us", "play_id")


def with_play(state: StandState, play: Play, options: MeasureOptions) -> StandState:
    """Take a proof of play in, by start; one that cannot count is only counted."""
    cause = _refusal(state, play, options)
    if cause is not None:
        late = (*state.late_plays, play)[-MOST_LATE:] if cause == "plays_late" else state.late_plays
        return msgspec.structs.replace(state.ignoring(cause), late_plays=late)
    plays = list(state.plays)
    insort(plays, play, key=BY_START)
    return msgspec.structs.replace(state, plays=tuple(plays))


def plays_at(state: StandState, until_us: int, oldest_us: int) -> tuple[Play, ...]:
    """What a stand knows of plays when its clock was set back.

    Args:
        state: before that, with plays of both times.
        until_us: the newest event of the new time.
        oldest_us: what ended before this is over in the new time too.

    Returns:
        By start: plays that run then or have just ended, those that came too late for the old time, and those
        that have begun in neither.
    """
    newest_us = state.newest_us or 0
    others = [play for play in state.plays if play.start_us <= until_us or play.start_us > newest_us]
    known = {play.play_id: play for play in (*others, *state.late_plays) if play.end_us > oldest_us}
    return tuple(sorted(known.values(), key=BY_START))


def by_creative(plays: Iterable[Play], window: Interval) -> dict[Creative, list[Play]]:
    """The plays that overlap a window, by creative.

    Args:
        plays: plays by start.
        window: [start, end), us.

    Returns:
        Plays of each creative, creatives in order.
    """
    found: dict[Creative, list[Play]] = {}
    for play in plays:
        if play.start_us < window[1] and window[0] < play.end_us:
            found.setdefault((play.campaign_id, play.creative_id), []).append(play)
    return dict(sorted(found.items()))


def _refusal(state: StandState, play: Play, options: MeasureOptions) -> str | None:
    length_us = play.end_us - play.start_us
    if not 0 < length_us <= us_from_s(options.max_play_s):
        return "plays_invalid"
    if any(known.play_id == play.play_id for known in state.plays):
        return "plays_repeated"
    if state.newest_us is None:
        return None
    oldest_us = state.newest_us - us_from_s(options.lateness_s) - us_from_s(options.late_horizon_s)
    return "plays_late" if play.end_us <= oldest_us else None
