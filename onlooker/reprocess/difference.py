"""What would be different: figures of two sides next to each other, with intervals of their confidence."""

import math
from collections.abc import Iterable, Mapping

import msgspec

from sinks.reprocessing.figures import Group, Level, Sums

Z_95 = 1.959963984540054
"""Quantile 0.975 of the normal distribution."""
COUNTS = ("ots", "watchers", "viewers_1s", "viewers_2s", "impressions", "engaged")
SECONDS = ("attention_s", "dwell_s")
Interval = tuple[float, float]


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of one side; `low` and `high` are its 95 % confidence interval, None for what was counted."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of one group on both sides."""

    level: Level
    campaign_id: str
    creative_id: str
    stand_id: str
    figure: str
    live: Value
    reprocessed: Value

    @property
    def change(self) -> float | None:
        """Recomputed minus live; None where one is not measurable."""
        one, two = self.live.value, self.reprocessed.value
        return None if one is None or two is None else two - one


def wilson(count: int, of: int) -> Interval | None:
    """The 95 % interval of a share, `count` of `of`.

    Returns:
        Lower and upper end, 0..1; None of nobody. Source: E. B. Wilson, Probable inference, the law of
        succession, and statistical inference, JASA 22 (1927).
    """
    if of <= 0:
        return None
    share, z2 = count / of, Z_95**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z_95 * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def normal(count: int, total: float, squares: float) -> Interval | None:
    """The 95 % interval of the mean of `count` values, from their sum and the sum of their squares.

    Returns:
        Mean -/+ z s / sqrt(n), s with n - 1; None of fewer than two. Source: the central limit theorem;
        with fewer than about thirty values it is too narrow.
    """
    if count < 2:
        return None
    mean = total / count
    variance = max(0.0, (squares - count * mean * mean) / (count - 1))
    half = Z_95 * math.sqrt(variance / count)
    return mean - half, mean + half


def figures(sums: Sums) -> Mapping[str, Value]:
    """The figures of a group by name: counts, seconds, shares and means over its visits."""
    found = {name: Value(value=float(getattr(sums, name))) for name in (*COUNTS, *SECONDS)}
    for name, count in (
        ("notice_ratio", sums.watchers),
        ("viewer_2s_ratio", sums.viewers_2s),
        ("engaged_ratio", sums.engaged),
    ):
        found[name] = _value(count / sums.ots if sums.ots else None, wilson(count, sums.ots))
    found["attraction_ratio"] = Value(value=sums.attention_s / sums.dwell_s if sums.dwell_s else None)
    found["mean_attention_s"] = _mean(sums.watchers, sums.attention_s, sums.attention_squares)
    found["engagement_mean"] = _mean(sums.score_count, sums.score_sum, sums.score_squares)
    return found


def differences(live: Mapping[Group, Sums], reprocessed: Mapping[Group, Sums]) -> list[Difference]:
    """Both sides next to each other: every figure of every group that one of them has, in a fixed order."""
    found = []
    for group in sorted({*live, *reprocessed}, key=_place):
        level, campaign_id, creative_id, stand_id = group
        one, two = (figures(side.get(group, Sums())) for side in (live, reprocessed))
        found += [
            Difference(
                level=level,
                campaign_id=campaign_id,
                creative_id=creative_id,
                stand_id=stand_id,
                figure=name,
                live=one[name],
                reprocessed=two[name],
            )
            for name in one
            if level != "whole stand" or name != "impressions"
        ]
    return found


def changed(found: Iterable[Difference]) -> list[Difference]:
    """Only where the two sides have not the same value."""
    return [each for each in found if each.live.value != each.reprocessed.value]


def _place(group: Group) -> tuple[int, str, str, str]:
    return (("campaign", "creative", "stand", "whole stand").index(group[0]), *group[1:])


def _mean(count: int, total: float, squares: float) -> Value:
    return _value(total / count if count else None, normal(count, total, squares))


def _value(value: float | None, interval: Interval | None) -> Value:
    low, high = interval or (None, None)
    return Value(value=value, low=low, high=high)
