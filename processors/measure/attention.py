"""Attention: the samples of a track, in order, become segments of unchanging state."""

from collections.abc import Iterable

import msgspec

from processors.gaze import Looking
from processors.measure.samples import Sample
from processors.measure.segments import Segment
from processors.thresholds import MeasureOptions
from schemas.units import US_PER_S, us_from_s

MAX_RUN_US = US_PER_S
"""A run is cut after a second, so that size and valence of a long look stay local."""


class Attended(msgspec.Struct, frozen=True, array_like=True):
    """How far the attention of a track has been worked out: enough to go on with the next sample."""

    last: Sample | None = None
    facing: bool = False
    closed_since_us: int | None = None
    run: Segment | None = None
    samples: int = 0
    age_years: float | None = None
    female_probability: float | None = None
    members: tuple[tuple[int, str], ...] = ()
    """(time, member id) of every change of the recognised member."""


def attend(
    before: Attended, samples: Iterable[Sample], options: MeasureOptions
) -> tuple[tuple[Segment, ...], Attended]:
    """Segments of samples: `attend(a + b)` gives the same as `attend(a)` and then `attend(b)`.

    Args:
        before: what came of the earlier samples of the same track.
        samples: the following samples, by rising time, none twice.
        options: the thresholds.

    Returns:
        The segments that are complete (the last run stays open), and what has come of all samples.
    """
    attending = _Attending(before, options)
    for sample in samples:
        attending.take(sample)
    return tuple(attending.done), attending.attended()


class _Attending:
    """The automaton behind `attend`, mutable only inside one call of it."""

    def __init__(self, before: Attended, options: MeasureOptions) -> None:
        self.done: list[Segment] = []
        self._last, self._run = before.last, before.run
        self._facing = before.facing, before.closed_since_us
        self._samples, self._members = before.samples, before.members
        self._age, self._female = before.age_years, before.female_probability
        looking = Looking(options)
        self._after, self._until_us = looking.after, looking.until_us
        self._hold_us = us_from_s(options.max_gap_s)
        self._absent_us = us_from_s(options.presence_gap_s)

    def attended(self) -> Attended:
        """What has come of the samples so far."""
        return Attended(
            self._last, *self._facing, self._run, self._samples, self._age, self._female, self._members
        )

    def take(self, sample: Sample) -> None:
        """Close the interval since the last sample and enter the state of this one."""
        last = self._last
        if last is not None:
            self._close(last, sample)
        gap_us = 0 if last is None else sample.t_us - last.t_us
        self._samples += 1
        self._last = sample
        closed_us = sample.t_us if sample.eyes_closed else None
        self._facing = self._after(self._facing, sample.gaze, closed_us=closed_us, gap_us=gap_us)
        self._remember(sample)

    def _remember(self, sample: Sample) -> None:
        if sample.age_years is not None:
            self._age = sample.age_years
        if sample.female_probability is not None:
            self._female = sample.female_probability
        member = sample.member_id
        if member is not None and (not self._members or self._members[-1][1] != member):
            self._members = (*self._members, (sample.t_us, member))

    def _close(self, last: Sample, sample: Sample) -> None:
        start, end = last.t_us, sample.t_us
        gap = end - start
        held_end = min(end, start + self._hold_us)
        if gap <= self._absent_us:
            attended_end = self._attended_end(last, held_end)
            if start < attended_end:
                self._add(last, sample, (start, attended_end), state=True)
            if attended_end < held_end:
                self._add(last, sample, (attended_end, held_end), state=False)
            if held_end < end:
                self._add(last, sample, (held_end, end), state=None)

    def _attended_end(self, last: Sample, held_end: int) -> int:
        end_us = self._until_us(self._facing) if last.in_zone else last.t_us
        if end_us >= held_end:
            return held_end
        return end_us if end_us > last.t_us else last.t_us

    def _add(self, last: Sample, sample: Sample, span: tuple[int, int], *, state: bool | None) -> None:
        """Add a piece: state True attends, False does not, None is unknown (presence only)."""
        start, end = span
        known, gap = state is not None, sample.t_us - last.t_us
        growth = (sample.height_px - last.height_px) / gap
        valence = last.valence * (end - start) if known and last.valence is not None else None
        piece = Segment(
            start,
            end,
            state is True,
            known and last.in_zone,
            last.expression if known else None,
            valence,
            last.height_px + growth * (start - last.t_us),
            last.height_px + growth * (end - last.t_us),
        )
        run = self._run
        if run is None or not _continues(run, piece):
            if run is not None:
                self.done.append(run)
            self._run = piece
        else:
            self._run = _grown(run, piece)


def _continues(run: Segment, piece: Segment) -> bool:
    return (
        run.end_us == piece.start_us
        and run.attending == piece.attending
        and run.in_zone == piece.in_zone
        and run.expression == piece.expression
        and run.end_us - run.start_us < MAX_RUN_US
    )


def _grown(run: Segment, piece: Segment) -> Segment:
    both = run.valence_us is not None and piece.valence_us is not None
    valence = (run.valence_us or 0.0) + (piece.valence_us or 0.0) if both else None
    return msgspec.structs.replace(
        run, end_us=piece.end_us, valence_us=valence, height_end_px=piece.height_end_px
    )
