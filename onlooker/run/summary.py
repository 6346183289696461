"""The summary of a run: what became of its frames, what it measured, how fast."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from onlooker.run.running import LocalRun, Tally
from producers.cameras.thread import CaptureStatus


class RunFrames(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the frames of all cameras."""

    captured: int
    dropped: int
    dropped_by_cause: Mapping[str, int]
    undecodable: int
    observed: int


class RunLatency(msgspec.Struct, frozen=True, kw_only=True):
    """From capture to everything that followed from a frame, us; None when there was no frame."""

    p50: int | None
    p95: int | None
    p99: int | None


class RunCamera(msgspec.Struct, frozen=True, kw_only=True):
    """How one camera did."""

    stand_id: str
    camera_id: str
    source: str
    frames: int
    reopened: int
    problem: str | None
    by_cause: Mapping[str, int]
    """Losses and broken pictures."""


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The object of `run --json`."""

    frames: RunFrames
    faces: int
    visits: int
    windows: int
    ignored: Mapping[str, int]
    """Events that MEASURE took no notice of, by cause."""
    rows: Mapping[str, int]
    """Rows written, by table."""
    frames_per_second: float
    latency_us: RunLatency
    cameras: tuple[RunCamera, ...]
    data_dir: str | None
    """Where the rows are; None when nothing was stored, or in a server by URL."""
    warnings: tuple[str, ...] = ()
    """What the frame rate did to the figures, a sentence a stand."""


def run_summary(
    run: LocalRun, tally: Tally, *, rows: Mapping[str, int], data_dir: str | None, warnings: tuple[str, ...]
) -> RunSummary:
    """What `run` prints of a run that has ended."""
    statuses = run.statuses()
    return RunSummary(
        frames=_frames(statuses, tally.observed),
        faces=tally.faces,
        visits=tally.visits,
        windows=tally.windows,
        ignored=run.ignored(),
        rows=rows,
        frames_per_second=round(tally.observed / run.seconds, 1) if run.seconds > 0 else 0.0,
        latency_us=RunLatency(p50=tally.latency(0.5), p95=tally.latency(0.95), p99=tally.latency(0.99)),
        cameras=msgspec.convert(statuses, tuple[RunCamera, ...], from_attributes=True),
        data_dir=data_dir,
        warnings=warnings,
    )


def _frames(statuses: Sequence[CaptureStatus], observed: int) -> RunFrames:
    dropped = sum((Counter(status.buffer.dropped_by_cause) for status in statuses), Counter())
    return RunFrames(
        captured=sum(status.frames for status in statuses),
        dropped=sum(dropped.values()),
        dropped_by_cause=dropped,
        undecodable=sum(status.undecodable for status in statuses),
        observed=observed,
    )
