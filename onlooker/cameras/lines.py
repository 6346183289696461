"""The cameras of a run or a capture: each with its buffer, started and ended together."""

from collections.abc import Sequence

import msgspec

from producers.cameras.buffer import FrameBuffer
from producers.cameras.thread import CaptureStatus, CaptureThread
from schemas.errors import DependencyAwayError

JOIN_S = 2.0
"""How long a camera's thread may take to end; a hanging driver must not hold up the end of the run."""


class CameraLine(msgspec.Struct, frozen=True, kw_only=True):
    """One camera with its buffer, ready to start."""

    stand_id: str
    camera_id: str
    is_recording: bool
    expected_frames: int | None
    """Length of a recording as its header says; None when nobody knows."""
    capture: CaptureThread
    buffer: FrameBuffer


def expected_frames(lines: Sequence[CameraLine]) -> int | None:
    """How many frames cameras will give together; None when nobody can know."""
    lengths = [line.expected_frames for line in lines]
    return None if None in lengths else sum(length for length in lengths if length is not None)


def complain_of_problems(statuses: Sequence[CaptureStatus]) -> None:
    """Complain of the problems of cameras that gave no frame.

    Raises:
        DependencyAwayError: one had a problem.
    """
    problems = [status.problem for status in statuses if status.problem]
    if problems:
        raise DependencyAwayError(f"No source gave a single frame: {'; '.join(problems)}")


def end_cameras(lines: Sequence[CameraLine]) -> None:
    """Stop all cameras, and wait a little for their threads."""
    for line in lines:
        line.capture.stop()
    for line in lines:
        line.capture.join(JOIN_S)
