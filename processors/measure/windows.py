"""Windows: the figures of one stand during [start, end), all of it and per creative."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from processors.measure.exposures import Part, part_of
from processors.measure.plays import Creative, by_creative
from processors.measure.segments import Interval, clip, union
from processors.measure.state import StandState
from processors.measure.totals import instant_of
from processors.measure.visits import AGE_BANDS, Visiting, age_band, grouped, visiting
from processors.thresholds import MeasureOptions
from schemas.events import AudienceFigures, CampaignFigures, GenderLabel, Play, WindowClosed
from schemas.ids import derive_id
from schemas.units import us_from_s

Audience = tuple[str | None, GenderLabel | None]
"""Age band and gender."""

_BANDS = [name for _, name in AGE_BANDS] + ["65+", None]


def window_closed(state: StandState, window: Interval, options: MeasureOptions) -> WindowClosed | None:
    """The figures of a window, version 1, from what was seen until its correction horizon.

    Returns:
        The fact, None when no camera reported and nothing was played.
    """
    start_us, end_us = window
    observed_us = sum(max(0, min(end, end_us) - max(start, start_us)) for start, end in state.seen)
    creatives = by_creative(state.plays, window)
    if not observed_us and not creatives:
        return None
    present = _present(state, window, options)
    return WindowClosed(
        window_id=_window_id(state, window),
        stand_id=state.stand_id,
        start_us=start_us,
        end_us=end_us,
        observed_us=observed_us,
        campaigns=tuple(
            _campaign(creative, plays, present, window, options) for creative, plays in creatives.items()
        ),
        audience=_audience(present, window, options),
        model_version=state.model_version_until(end_us),
        metric_version=options.metric_version(state.stand_id),
        version=1,
    )


def _window_id(state: StandState, window: Interval) -> UUID:
    """The id of a window; in a time that comes again it is another, and both hold what was seen."""
    again = state.again
    if again is None or window[0] >= again.until_us:
        return derive_id("window", state.stand_id, *window)
    return derive_id("window", state.stand_id, *window, again.first_us, again.first_index)


def touched(state: StandState, since_us: int, until_us: int, options: MeasureOptions) -> list[int]:
    """Starts of the windows inside [since, until) in which a camera reported or something was played.

    Args:
        state: the stand.
        since_us: a window's start, us.
        until_us: a window's end, us.
        options: length of the windows.

    Returns:
        Starts in order; a silence of hours costs nothing.
    """
    length_us = us_from_s(options.window_s)
    spans = (*state.seen, *((play.start_us, play.end_us) for play in state.plays))
    starts: set[int] = set()
    for start, end in spans:
        first = max(since_us, start // length_us * length_us)
        starts.update(range(first, min(until_us, end), length_us))
    return sorted(starts)


def _present(state: StandState, window: Interval, options: MeasureOptions) -> list[Visiting]:
    as_of_us = window[1] + us_from_s(options.late_horizon_s)
    present = []
    for group in grouped(state.all_tracks, as_of_us, options):
        if group[0].first_us < window[1] and window[0] < max(track.last_us for track in group):
            visit = visiting(state.stand_id, group, as_of_us, options)
            if visit is not None:
                present.append(visit)
    return present


def _campaign(
    creative: Creative,
    plays: Sequence[Play],
    visits: Sequence[Visiting],
    window: Interval,
    options: MeasureOptions,
) -> CampaignFigures:
    scope = union([(max(play.start_us, window[0]), min(play.end_us, window[1])) for play in plays])
    parts = [part for visit in visits if (part := part_of(visit, scope, options)) is not None]
    scores = [part.engagement for part in parts if part.engagement is not None]
    return CampaignFigures(
        campaign_id=creative[0],
        creative_id=creative[1],
        plays=len(plays),
        ots=len(parts),
        watchers=_viewers(parts, 0.0),
        viewers_1s=_viewers(parts, 1.0),
        viewers_2s=_viewers(parts, 2.0),
        impressions=sum(_impression(visit, play, window, options) for visit in visits for play in plays),
        attention_us=sum(part.totals.attention_us for part in parts),
        dwell_us=sum(part.totals.dwell_us for part in parts),
        engaged=sum(part.engaged for part in parts),
        engagement_mean=round(sum(scores) / len(scores), 2) if scores else None,
    )


def _impression(visit: Visiting, play: Play, window: Interval, options: MeasureOptions) -> bool:
    """Whether the exposure became an impression inside the window: each counts in one window only."""
    exposure = clip(visit.timeline, play.start_us, play.end_us)
    reached_us = instant_of(exposure, us_from_s(options.impression_s))
    return reached_us is not None and window[0] < reached_us <= window[1]


def _audience(
    present: Iterable[Visiting], window: Interval, options: MeasureOptions
) -> tuple[AudienceFigures, ...]:
    segments: dict[Audience, list[Part]] = {}
    for visit in present:
        part = part_of(visit, [window], options)
        if part is not None:
            key = (age_band(visit.age_years), visit.gender)
            segments.setdefault(key, []).append(part)
    ordered = sorted(segments, key=lambda key: (_BANDS.index(key[0]), key[1] or "~"))
    return tuple(_segment(key, segments[key]) for key in ordered)


def _segment(key: Audience, parts: Sequence[Part]) -> AudienceFigures:
    return AudienceFigures(
        age_band=key[0],
        gender=key[1],
        ots=len(parts),
        watchers=_viewers(parts, 0.0),
        viewers_1s=_viewers(parts, 1.0),
        viewers_2s=_viewers(parts, 2.0),
        attention_us=sum(part.totals.attention_us for part in parts),
        dwell_us=sum(part.totals.dwell_us for part in parts),
        presence_us=sum(part.totals.presence_us for part in parts),
        engaged=sum(part.engaged for part in parts),
    )


def _viewers(parts: Iterable[Part], least_s: float) -> int:
    least_us = max(1, us_from_s(least_s))
    return sum(part.totals.attention_us >= least_us for part in parts)
