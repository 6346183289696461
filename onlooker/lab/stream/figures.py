"""Figures of a benchmark beside their floor: medians, spread, percentiles, the last step that held."""

import math
import statistics
from collections.abc import Sequence

import msgspec

from schemas.units import US_PER_MS


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One counted run."""

    count: int
    """Events, messages or rows."""
    seconds: float
    size_bytes: int | None = None
    """Of everything that was moved; None where bytes say nothing."""

    @property
    def per_s(self) -> float:
        """Events, messages or rows a second."""
        return self.count / self.seconds


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """Several runs of one thing."""

    per_s: float
    """The median, a second."""
    lowest_per_s: float
    highest_per_s: float
    mb_per_s: float | None
    """10^6 bytes a second, at the median speed."""
    runs: int


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A thing beside its floor, measured turn by turn in the same run."""

    name: str
    unit: str
    """What is counted: `frames`, `events`, `rows`."""
    floor_name: str
    ours: Speed
    floor: Speed
    share: float
    """Our speed as a share of the floor's: the median of the turns."""
    share_lowest: float
    share_highest: float
    aim: str | None = None
    """What was asked, in words."""
    holds: bool | None = None
    """Whether the median reaches the aim; None without one."""


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """How long things took, ms."""

    count: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


def speed_of(runs: Sequence[Run]) -> Speed:
    """The median of several runs, with its spread.

    Args:
        runs: at least one.

    Returns:
        Their speed.
    """
    speeds = [run.per_s for run in runs]
    middle = statistics.median(speeds)
    first = runs[0]
    size_bytes = None if first.size_bytes is None else first.size_bytes / first.count
    return Speed(
        per_s=round(middle, 1),
        lowest_per_s=round(min(speeds), 1),
        highest_per_s=round(max(speeds), 1),
        mb_per_s=None if size_bytes is None else round(middle * size_bytes / 1e6, 2),
        runs=len(runs),
    )


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a figure has to reach."""

    words: str
    share: float | None = None
    """Least share of the floor's speed."""
    per_s: float | None = None
    """Least speed, a second."""


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """What is compared with what, and what is counted."""

    ours: str
    floor: str
    unit: str


def compare(
    names: Names, *, ours: Sequence[Run], floor: Sequence[Run], asked: Asked | None = None
) -> Comparison:
    """A thing beside its floor.

    Args:
        names: of both.
        ours: one run a turn.
        floor: the floor's run of the same turn.
        asked: the aim; None: there is none.

    Returns:
        Medians and spread; the share is that of each turn, so that what slows both does not count.
    """
    shares = [mine.per_s / bare.per_s for mine, bare in zip(ours, floor, strict=True)]
    share, speed = statistics.median(shares), speed_of(ours)
    return Comparison(
        name=names.ours,
        unit=names.unit,
        floor_name=names.floor,
        ours=speed,
        floor=speed_of(floor),
        share=round(share, 3),
        share_lowest=round(min(shares), 3),
        share_highest=round(max(shares), 3),
        aim=None if asked is None else asked.words,
        holds=None if asked is None else _holds(asked, share, speed.per_s),
    )


def _holds(asked: Asked, share: float, per_s: float) -> bool:
    enough_share = asked.share is None or share >= asked.share
    return enough_share and (asked.per_s is None or per_s >= asked.per_s)


def latency_of(values_us: Sequence[int]) -> Latency:
    """Percentiles of durations.

    Args:
        values_us: durations, us; may be empty.

    Returns:
        p50, p95 and p99 in ms by nearest rank; None when there is nothing.
    """
    ordered = sorted(values_us)
    p50, p95, p99 = (percentile(ordered, share) for share in (0.50, 0.95, 0.99))
    return Latency(count=len(ordered), p50_ms=_ms(p50), p95_ms=_ms(p95), p99_ms=_ms(p99))


def percentile(ordered: Sequence[int], share: float) -> int | None:
    """The smallest value that at least a share of all values does not exceed (nearest rank).

    Args:
        ordered: ascending; may be empty.
        share: 0 < share <= 1.

    Returns:
        One of the values; None when there is none.
    """
    if not ordered:
        return None
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def highest_sustained(steps: Sequence[tuple[int, bool]]) -> int:
    """The most stands up to which every step held: a lucky step after a failed one does not count.

    Args:
        steps: (stands, held), ascending by stands.

    Returns:
        Stands; 0 when the first step failed or there is none.
    """
    highest = 0
    for stands, held in steps:
        if not held:
            break
        highest = stands
    return highest


def _ms(value_us: int | None) -> float | None:
    return None if value_us is None else round(value_us / US_PER_MS, 1)
