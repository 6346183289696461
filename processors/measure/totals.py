"""Totals of a timeline: presence, dwell, attention, looks, expressions and valence."""

import msgspec

from processors.measure.segments import Interval, Timeline, union
from processors.thresholds import MeasureOptions
from schemas.events import EXPRESSIONS
from schemas.units import us_from_s


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What a timeline adds up to; attention <= dwell <= presence."""

    presence_us: int
    dwell_us: int
    """Presence inside the zone; 0 for who never looked."""
    attention_us: int
    looks: tuple[Interval, ...]
    """Looking intervals of at least `min_look_s`."""
    expression_us: tuple[int, ...]
    """Attention per label of `EXPRESSIONS`."""
    valence: float | None
    """Mean valence over the time with a known expression, -1..1."""

    @property
    def longest_look_us(self) -> int:
        """Length of the longest look, 0 without one."""
        return max((end - start for start, end in self.looks), default=0)

    @property
    def expression(self) -> str | None:
        """Label with the most looking time; the first of `EXPRESSIONS` when several tie."""
        most = max(self.expression_us)
        return EXPRESSIONS[self.expression_us.index(most)] if most else None


def totals_of(timeline: Timeline, options: MeasureOptions) -> Totals:
    """Add a timeline up.

    Args:
        timeline: segments of one person, clipped to what is asked about.
        options: the thresholds.
    """
    attended = [segment for segment in timeline if segment.attending]
    attention_us = _length(attended)
    shortest_us = us_from_s(options.min_look_s)
    spans = union([(segment.start_us, segment.end_us) for segment in attended])
    return Totals(
        presence_us=_length(timeline),
        dwell_us=_length([s for s in timeline if s.in_zone]) if attention_us else 0,
        attention_us=attention_us,
        looks=tuple((start, end) for start, end in spans if end - start >= shortest_us),
        expression_us=_expression_us(attended),
        valence=mean_valence(timeline, options),
    )


def mean_valence(timeline: Timeline, options: MeasureOptions) -> float | None:
    """Mean valence over the time with a known expression.

    Args:
        timeline: segments of one person.
        options: `valence_support_s` is the least such time.

    Returns:
        Valence in -1..1, or None when too little is known.
    """
    known = [segment for segment in timeline if segment.valence_us is not None]
    support_us = _length(known)
    if support_us == 0 or support_us < us_from_s(options.valence_support_s):
        return None
    return round(sum(segment.valence_us or 0.0 for segment in known) / support_us, 4)


def growth(timeline: Timeline) -> float | None:
    """Relative growth of the face's box from the first to the last instant: the approach.

    Args:
        timeline: segments of one track.

    Returns:
        Growth clipped to 0..1; None without a box to compare.
    """
    if not timeline or not timeline[0].height_start_px > 0:
        return None
    first_px = timeline[0].height_start_px
    return min(1.0, max(0.0, (timeline[-1].height_end_px - first_px) / first_px))


def instant_of(timeline: Timeline, presence_us: int) -> int | None:
    """The instant at which presence in a timeline reaches an amount, None when it never does."""
    missing_us = presence_us
    for segment in timeline:
        if segment.length_us >= missing_us:
            return segment.start_us + missing_us
        missing_us -= segment.length_us
    return None


def _length(timeline: Timeline) -> int:
    return sum(segment.end_us - segment.start_us for segment in timeline)


def _expression_us(attended: Timeline) -> tuple[int, ...]:
    sums = [0] * len(EXPRESSIONS)
    for segment in attended:
        if segment.expression is not None:
            sums[segment.expression] += segment.length_us
    return tuple(sums)
