"""Figures beside their floor: turns of both, medians with their spread, percentiles."""

import statistics
import time
from collections.abc import Callable, Sequence
from math import ceil, isinf

import msgspec

from schemas.units import US_PER_MS


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One counted run: so many events, messages or rows in so long."""

    count: int
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


class Sides(msgspec.Struct, frozen=True, kw_only=True):
    """What is compared with what, and what is asked of it."""

    ours: str
    floor: str
    unit: str
    aim: str | None = None
    """In words; None: nothing is asked."""
    least_share: float = 0.0
    """Of the floor's speed."""
    least_per_s: float = 0.0


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
    aim: str | None
    holds: bool | None
    """Whether the median reaches the aim; None without one."""


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """How long things took, ms; None: there were none, or they never ended."""

    count: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


def timed(work: Callable[[], object], *, count: int, size_bytes: int | None = None) -> Run:
    """Do a piece of work, and say how long it took."""
    started = time.perf_counter()
    work()
    return Run(count=count, seconds=time.perf_counter() - started, size_bytes=size_bytes)


def side_by_side(
    sides: Sequence[Sides], *, repeat: int, turn: Callable[[int], Sequence[tuple[Run, Run]]]
) -> list[Comparison]:
    """Measure turn by turn: what slows the machine down slows both sides down.

    A turn, numbered from 0, measures ours and the floor of each comparison once, one after the other.
    """
    pairs = zip(*(turn(number) for number in range(repeat)), strict=True)
    return [
        compare(each, ours=[ours for ours, _ in taken], floor=[floor for _, floor in taken])
        for each, taken in zip(sides, pairs, strict=True)
    ]


def compare(sides: Sides, *, ours: Sequence[Run], floor: Sequence[Run]) -> Comparison:
    """Medians and spread of one run a turn; the share is that of each turn: what slows both is no matter."""
    shares = [mine.per_s / bare.per_s for mine, bare in zip(ours, floor, strict=True)]
    share, speed = statistics.median(shares), speed_of(ours)
    holds = share >= sides.least_share and speed.per_s >= sides.least_per_s
    return Comparison(
        name=sides.ours,
        unit=sides.unit,
        floor_name=sides.floor,
        ours=speed,
        floor=speed_of(floor),
        share=round(share, 3),
        share_lowest=round(min(shares), 3),
        share_highest=round(max(shares), 3),
        aim=sides.aim,
        holds=None if sides.aim is None else holds,
    )


def speed_of(runs: Sequence[Run]) -> Speed:
    """The median of several runs, with its spread."""
    speeds, first = [run.per_s for run in runs], runs[0]
    middle = statistics.median(speeds)
    mb = None if first.size_bytes is None else first.size_bytes / first.count / 1e6
    return Speed(
        per_s=round(middle, 1),
        lowest_per_s=round(min(speeds), 1),
        highest_per_s=round(max(speeds), 1),
        mb_per_s=None if mb is None else round(middle * mb, 2),
        runs=len(runs),
    )


def latency_of(values_us: Sequence[float]) -> Latency:
    """p50, p95 and p99 of durations (us, in any order) by nearest rank; an endless one is not known."""
    ordered = sorted(values_us)
    found = [percentile(ordered, share) for share in (0.50, 0.95, 0.99)]
    p50, p95, p99 = (None if us is None or isinf(us) else round(us / US_PER_MS, 1) for us in found)
    return Latency(count=len(ordered), p50_ms=p50, p95_ms=p95, p99_ms=p99)


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that at least a share (0 to 1) of all does not exceed; None when there is none."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None
