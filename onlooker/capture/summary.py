"""The summary of a capture: what became of its frames and plays."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from onlooker.cameras.lines import CameraLine
from onlooker.capture.tally import CaptureTally
from producers.cameras.thread import CaptureStatus


class CaptureFrames(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the frames of all cameras."""

    captured: int
    published: int
    dropped: int
    dropped_by_cause: Mapping[str, int]
    undecodable: int
    sent_before: int


class CaptureCamera(msgspec.Struct, frozen=True, kw_only=True):
    """How one camera did."""

    stand_id: str
    camera_id: str
    source: str
    captured: int
    published: int
    dropped_by_cause: Mapping[str, int]
    sent_before: int
    reopened: int
    problem: str | None
    by_cause: Mapping[str, int]
    """Losses and broken pictures."""


class CaptureSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The object of `capture --json`."""

    frames: CaptureFrames
    plays: int
    plays_repeated: int
    plays_refused: int
    bytes: int
    seconds: float
    frames_per_second: float
    interrupted: bool
    ended: tuple[str, ...]
    """Stands whose recordings are sent to their end."""
    sent_before: tuple[str, ...]
    """Stands whose recordings had been."""
    cameras: tuple[CaptureCamera, ...]


def capture_summary(
    lines: Sequence[CameraLine],
    tally: CaptureTally,
    *,
    seconds: float,
    interrupted: bool,
    finished: tuple[str, ...],
) -> CaptureSummary:
    """What `capture` prints of cameras that have ended; `finished` stands were sent to their end before."""
    statuses = [line.capture.status() for line in lines]
    published = sum(tally.published.values())
    return CaptureSummary(
        frames=_frames(statuses, tally),
        plays=tally.plays,
        plays_repeated=tally.plays_repeated,
        plays_refused=tally.plays_refused,
        bytes=tally.bytes,
        seconds=round(seconds, 3),
        frames_per_second=round(published / seconds, 1) if seconds > 0 else 0.0,
        interrupted=interrupted,
        ended=tuple(tally.ended),
        sent_before=finished,
        cameras=tuple(_camera(status, tally) for status in statuses),
    )


def _frames(statuses: Sequence[CaptureStatus], tally: CaptureTally) -> CaptureFrames:
    dropped = sum((Counter(tally.drops_of(status)) for status in statuses), Counter())
    return CaptureFrames(
        captured=sum(status.buffer.captured for status in statuses),
        published=sum(tally.published.values()),
        dropped=sum(dropped.values()),
        dropped_by_cause=dropped,
        undecodable=sum(status.undecodable for status in statuses),
        sent_before=sum(status.frames - status.buffer.captured for status in statuses),
    )


def _camera(status: CaptureStatus, tally: CaptureTally) -> CaptureCamera:
    return CaptureCamera(
        stand_id=status.stand_id,
        camera_id=status.camera_id,
        source=status.source,
        captured=status.buffer.captured,
        published=tally.published[status.stand_id, status.camera_id],
        dropped_by_cause=tally.drops_of(status),
        sent_before=status.frames - status.buffer.captured,
        reopened=status.reopened,
        problem=status.problem,
        by_cause=status.by_cause,
    )
