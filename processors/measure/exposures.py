"""Exposures: what happened of a visit inside each play, and the visit as a fact."""

import msgspec

from processors.measure.engagement import engagement, is_engaged
from processors.measure.segments import Interval, Timeline, clip, within
from processors.measure.totals import Totals, growth, mean_valence, totals_of
from processors.measure.visits import Visiting
from processors.thresholds import MeasureOptions
from schemas.events import Exposure, Play, Visit, VisitEnded
from schemas.ids import derive_id
from schemas.units import US_PER_S, us_from_s


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a visit inside a scope: a play, or the plays of a creative in a window."""

    timeline: Timeline
    totals: Totals
    baseline: float | None
    """Mean valence of the visit before the scope."""
    engagement: float | None
    engaged: bool


def part_of(visiting: Visiting, scope: list[Interval], options: MeasureOptions) -> Part | None:
    """Measure a visit inside a scope.

    Args:
        visiting: the visit.
        scope: disjoint intervals in order, not empty.
        options: the thresholds.

    Returns:
        The part, None when nobody was present in it.
    """
    timeline = within(visiting.timeline, scope)
    if not timeline:
        return None
    totals = totals_of(timeline, options)
    baseline = mean_valence(clip(visiting.timeline, visiting.started_us, scope[0][0]), options)
    approach = growth(within(visiting.approach, scope))
    score = engagement(totals, approach=approach, baseline=baseline, options=options)
    engaged = is_engaged(score, totals.attention_us, options)
    return Part(timeline=timeline, totals=totals, baseline=baseline, engagement=score, engaged=engaged)


def visit_ended(
    stand_id: str, visiting: Visiting, plays: tuple[Play, ...], model_version: str, options: MeasureOptions
) -> VisitEnded:
    """The visit and all its exposures as one fact, version 1.

    Args:
        stand_id: the stand.
        visiting: the visit.
        plays: plays of the stand, by start.
        model_version: version of the models that saw it.
        options: the thresholds.
    """
    visit = _visit(stand_id, visiting, model_version, options)
    exposures = (_exposure(visit, visiting, play, options) for play in plays)
    return VisitEnded(visit=visit, exposures=tuple(each for each in exposures if each is not None))


def _visit(stand_id: str, visiting: Visiting, model_version: str, options: MeasureOptions) -> Visit:
    totals = totals_of(visiting.timeline, options)
    looks = totals.looks
    score = engagement(totals, approach=growth(visiting.approach), baseline=None, options=options)
    return Visit(
        visit_id=visiting.visit_id,
        stand_id=stand_id,
        started_us=visiting.started_us,
        ended_us=visiting.ended_us,
        presence_us=totals.presence_us,
        dwell_us=totals.dwell_us,
        attention_us=totals.attention_us,
        looks=len(looks),
        longest_look_us=totals.longest_look_us,
        time_to_first_look_us=looks[0][0] - visiting.started_us if looks else None,
        engagement=score,
        engaged=is_engaged(score, totals.attention_us, options),
        expression=totals.expression,
        valence=totals.valence,
        age_years=visiting.age_years,
        gender=visiting.gender,
        member_id=visiting.member_id,
        model_version=model_version,
        metric_version=options.metric_version(stand_id),
        version=1,
    )


def _exposure(visit: Visit, visiting: Visiting, play: Play, options: MeasureOptions) -> Exposure | None:
    if play.end_us <= visiting.started_us or visiting.ended_us <= play.start_us:
        return None
    part = part_of(visiting, [(play.start_us, play.end_us)], options)
    if part is None:
        return None
    totals = part.totals
    known = totals.valence is not None and part.baseline is not None
    return Exposure(
        exposure_id=derive_id("exposure", str(visit.visit_id), str(play.play_id)),
        visit_id=visit.visit_id,
        play_id=play.play_id,
        stand_id=visit.stand_id,
        campaign_id=play.campaign_id,
        creative_id=play.creative_id,
        play_start_us=play.start_us,
        play_end_us=play.end_us,
        started_us=part.timeline[0].start_us,
        ended_us=part.timeline[-1].end_us,
        presence_us=totals.presence_us,
        dwell_us=totals.dwell_us,
        attention_us=totals.attention_us,
        looks=len(totals.looks),
        impression=totals.presence_us >= us_from_s(options.impression_s),
        impression_weight=round(min(1.0, totals.presence_us / (play.end_us - play.start_us)), 6),
        engagement=part.engagement,
        engaged=part.engaged,
        expression_us=totals.expression_us,
        valence=totals.valence,
        valence_reaction=round((totals.valence or 0.0) - (part.baseline or 0.0), 4) if known else None,
        attention_by_second_us=_retention(part.timeline, play, options),
        age_years=visit.age_years,
        gender=visit.gender,
        member_id=visit.member_id,
        model_version=visit.model_version,
        metric_version=visit.metric_version,
        version=1,
    )


def _retention(timeline: Timeline, play: Play, options: MeasureOptions) -> tuple[int, ...]:
    """Attention in each second of the creative, at most `retention_s` seconds of it."""
    seconds = min(options.retention_s, -(-(play.end_us - play.start_us) // US_PER_S))
    curve = [0] * seconds
    for segment in timeline:
        if segment.attending:
            _spread(curve, segment.start_us - play.start_us, segment.end_us - play.start_us)
    return tuple(curve)


def _spread(curve: list[int], start_us: int, end_us: int) -> None:
    for second in range(start_us // US_PER_S, min(len(curve), -(-end_us // US_PER_S))):
        curve[second] += min(end_us, (second + 1) * US_PER_S) - max(start_us, second * US_PER_S)
