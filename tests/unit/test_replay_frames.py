"""OBSERVE over recorded frames: as a worker does it, whatever comes twice, late, or broken."""

from typing import Any

import numpy as np

from processors.observe.captured import CapturedFrames
from processors.observe.observer import Cameras
from schemas.errors import BadPictureError
from schemas.events import FrameCaptured, StreamEnded
from schemas.frames import Frame
from schemas.ports import Pixels
from tests.event_samples import FRAME, OBSERVATIONS


class Camera:
    """What is remembered of a camera here: the time of its last frame, and how often it began."""

    def __init__(self, last_us: int) -> None:
        self.stand_id, self.camera_id = "stand-1", "camera-1"
        self.last_us, self.last_number, self.cuts = last_us, 4, 0


class Stage:
    """An OBSERVE that sees nothing but times."""

    def new_state(self, stand_id: str) -> Cameras:
        return {}

    def step(self, state: Any, event: Frame) -> tuple[Any, tuple[Any, ...]]:
        known = state.get(event.camera_id)
        assert known is None or known.last_us is None or known.last_us < event.t_us
        return {**state, event.camera_id: Camera(event.t_us)}, (OBSERVATIONS,)


def decode(data: bytes) -> Pixels:
    if not data:
        raise BadPictureError("empty", "nothing")
    return np.zeros((2, 2, 3), np.uint8)


def frame(t_us: int, picture: bytes = b"x") -> FrameCaptured:
    return FrameCaptured(
        stand_id=FRAME.stand_id,
        camera_id=FRAME.camera_id,
        frame_index=0,
        t_us=t_us,
        width_px=2,
        height_px=2,
        encoding="png",
        picture=picture,
    )


def test_frames_are_looked_at_once_and_in_order() -> None:
    fold = CapturedFrames(Stage(), decode)  # type: ignore[arg-type]
    state: Cameras = fold.new_state("stand-1")
    seen = []
    for t_us in (1_000, 2_000, 2_000, 1_500, 3_000):
        state, follow = fold.step(state, frame(t_us))
        seen.append(len(follow))
    assert seen == [1, 1, 0, 0, 1]


def test_a_broken_picture_is_counted_and_changes_nothing() -> None:
    fold = CapturedFrames(Stage(), decode)  # type: ignore[arg-type]
    state, _ = fold.step(fold.new_state("stand-1"), frame(1_000))
    assert fold.step(state, frame(2_000, b"")) == (state, ())
    assert fold.bad_pictures == 1


def test_a_clock_that_was_set_back_begins_anew() -> None:
    fold = CapturedFrames(Stage(), decode)  # type: ignore[arg-type]
    state, _ = fold.step(fold.new_state("stand-1"), frame(10**12))
    _, follow = fold.step(state, frame(1_000))
    assert follow == (OBSERVATIONS,)


def test_the_end_is_passed_on() -> None:
    fold = CapturedFrames(Stage(), decode)  # type: ignore[arg-type]
    ended = StreamEnded(stand_id="stand-1")
    assert fold.step({}, ended) == ({}, (ended,))
