"""Engagement: the published score of a visit, an exposure or a window, 0 to 100."""

from processors.measure.totals import Totals
from processors.thresholds import MeasureOptions
from schemas.units import us_from_s

WEIGHTS = {"attraction": 0.5, "attention": 0.2, "approach": 0.15, "valence": 0.15}
"""Weights of the terms, ours, versioned with `METRIC_VERSION`."""


def engagement(
    totals: Totals, *, approach: float | None, baseline: float | None, options: MeasureOptions
) -> float | None:
    """100 x (0.5 attraction + 0.2 min(1, attention / 5 s) + 0.15 approach + 0.15 |valence - baseline|).

    A missing term is left out and the weights of the others are renormalised.

    Args:
        totals: totals of the scope.
        approach: relative growth of the box in it, 0..1, or None.
        baseline: the visit's mean valence before the scope, -1..1, or None.
        options: the thresholds.

    Returns:
        The score, rounded to 0.01; None for who never looked.
    """
    if totals.attention_us == 0:
        return None
    terms = {
        "attraction": totals.attention_us / totals.dwell_us,
        "attention": min(1.0, totals.attention_us / us_from_s(options.full_attention_s)),
        "approach": approach,
        "valence": _moved(totals.valence, baseline),
    }
    known = {name: value for name, value in terms.items() if value is not None}
    weight = sum(WEIGHTS[name] for name in known)
    return round(100 * sum(WEIGHTS[name] * value for name, value in known.items()) / weight, 2)


def is_engaged(score: float | None, attention_us: int, options: MeasureOptions) -> bool:
    """Whether somebody counts as engaged: a enough score with enough attention, by default 50 and 2 s.

    Decided nowhere else: facts carry the answer, views only count it.

    Args:
        score: engagement score, or None.
        attention_us: attention in the same scope, us.
        options: the two limits.
    """
    enough = attention_us >= us_from_s(options.engaged_attention_s)
    return score is not None and score >= options.engaged_score and enough


def _moved(valence: float | None, baseline: float | None) -> float | None:
    if valence is None or baseline is None:
        return None
    return min(1.0, abs(valence - baseline))
