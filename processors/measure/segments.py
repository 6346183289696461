"""Segments: runs of time in which a person's state stays the same, and how to cut and stack them."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from operator import attrgetter

import msgspec

_END = attrgetter("end_us")


class Segment(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Presence during [start_us, end_us) in one unchanging state.

    `attending` is looking inside the zone, so it implies `in_zone`. `valence_us` is the integral of the
    valence over the segment (valence x us), None when no expression is known.
    """

    start_us: int
    end_us: int
    attending: bool
    in_zone: bool
    expression: int | None
    valence_us: float | None
    height_start_px: float
    height_end_px: float

    @property
    def length_us(self) -> int:
        """Length in microseconds."""
        return self.end_us - self.start_us

    def height_px(self, t_us: int) -> float:
        """Height of the face's box at an instant of the segment, linear between its ends.

        Args:
            t_us: instant inside [start_us, end_us].
        """
        share = (t_us - self.start_us) / self.length_us
        return self.height_start_px + share * (self.height_end_px - self.height_start_px)

    def cut(self, start_us: int, end_us: int) -> "Segment":
        """The part of the segment inside [start_us, end_us), which must not be empty.

        Returns:
            The same segment when it lies inside, else its part with proportional valence.
        """
        start, end = max(self.start_us, start_us), min(self.end_us, end_us)
        if start == self.start_us and end == self.end_us:
            return self
        valence = None if self.valence_us is None else self.valence_us * (end - start) / self.length_us
        return msgspec.structs.replace(
            self,
            start_us=start,
            end_us=end,
            valence_us=valence,
            height_start_px=self.height_px(start),
            height_end_px=self.height_px(end),
        )


Timeline = Sequence[Segment]
"""Segments in order that do not overlap; the holes between them are absence."""
Interval = tuple[int, int]
"""[start, end) in us."""


def clip(timeline: Timeline, start_us: int, end_us: int) -> list[Segment]:
    """The part of a timeline inside [start_us, end_us).

    Returns:
        Segments in order, cut at both ends.
    """
    clipped = []
    for index in range(bisect_right(timeline, start_us, key=_END), len(timeline)):
        segment = timeline[index]
        if segment.start_us >= end_us:
            break
        clipped.append(segment.cut(start_us, end_us))
    return clipped


def within(timeline: Timeline, scope: Sequence[Interval]) -> list[Segment]:
    """The part of a timeline inside several intervals that do not overlap, both in order."""
    return [segment for start, end in scope for segment in clip(timeline, start, end)]


def union(intervals: Sequence[Interval], gap_us: int = 0) -> list[Interval]:
    """The time of intervals in any order as disjoint ones in order; those at most a gap apart become one."""
    joined: list[Interval] = []
    for start, end in sorted(intervals):
        if joined and start <= joined[-1][1] + gap_us:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def stack(timelines: Sequence[Timeline]) -> Timeline:
    """One timeline of a person whom several tracks show, so that no instant counts twice.

    At each instant the richest state is taken: attending before in the zone before present, then a known
    expression before an unknown one, then the earlier timeline.

    Args:
        timelines: timelines of one person, best supported first.

    Returns:
        One timeline covering the union of all.
    """
    if len(timelines) == 1:
        return timelines[0]
    ranked = [(rank, segment) for rank, line in enumerate(timelines) for segment in line]
    marks = sorted({t for _, segment in ranked for t in (segment.start_us, segment.end_us)})
    ranked.sort(key=lambda pair: pair[1].start_us)
    return _sweep(ranked, marks)


def _sweep(ranked: list[tuple[int, Segment]], marks: list[int]) -> list[Segment]:
    stacked: list[Segment] = []
    active: list[tuple[int, Segment]] = []
    upcoming = 0
    for start, end in pairwise(marks):
        while upcoming < len(ranked) and ranked[upcoming][1].start_us <= start:
            active.append(ranked[upcoming])
            upcoming += 1
        active = [pair for pair in active if pair[1].end_us > start]
        if active:
            stacked.append(max(active, key=_richness)[1].cut(start, end))
    return stacked


def _richness(pair: tuple[int, Segment]) -> tuple[bool, bool, bool, int]:
    rank, segment = pair
    return segment.attending, segment.in_zone, segment.expression is not None, -rank
