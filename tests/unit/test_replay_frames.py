"""OBSERVE over recorded frames: as a worker does it, whatever comes twice, late, or broken."""

from typing import Any

import numpy as np
import pytest

from processors.observe.captured import CapturedFrames
from processors.observe.observer import Cameras, CameraState
from schemas.errors import BadPictureError
from schemas.events import FrameCaptured, StreamEnded
from schemas.frames import Frame
from schemas.ports import Pixels
from tests.event_samples import FRAME, OBSERVATIONS


class Stage:
    """An OBSERVE that sees nothing but times."""

    def new_state(self, stand_id: str) -> Cameras:
        return {}

    def step(self, state: Any, event: Frame) -> tuple[Any, tuple[Any, ...]]:
        camera = CameraState(stand_id="stand-1", camera_id=event.camera_id, last_us=event.t_us)
        return {**state, event.camera_id: camera}, (OBSERVATIONS,)


def decode(data: bytes) -> Pixels:
    if not data:
        raise BadPictureError("empty", "nothing")
    return np.zeros((2, 2, 3), np.uint8)


def frame(t_us: int, picture: bytes = b"x", *, index: int | None = None) -> FrameCaptured:
    return FrameCaptured(
        stand_id=FRAME.stand_id,
        camera_id=FRAME.camera_id,
        frame_index=t_us // 1_000 if index is None else index,
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


@pytest.mark.parametrize("back_us", [500, 5_000_000, 10_000_000_000])
def test_frames_after_a_clock_was_set_back_are_looked_at_at_once(back_us: int) -> None:
    """Numbers go on: so these are no frames that were sent again, however little the clock was set back."""
    fold = CapturedFrames(Stage(), decode)  # type: ignore[arg-type]
    state: Cameras = fold.new_state("stand-1")
    start_us = 10**12
    before = [frame(start_us + index * 100, index=index) for index in range(20)]
    after = [frame(start_us - back_us + index * 100, index=index) for index in range(20, 40)]
    seen = []
    for each in [*before, *after, before[15], after[3], *before[18:], *after[:5]]:
        state, follow = fold.step(state, each)
        seen.append(len(follow))
    assert seen == [1] * 40 + [0] * 9, "what was sent again crosses the jump, and is known on both sides"


def test_another_process_with_an_earlier_clock_takes_over() -> None:
    fold = CapturedFrames(Stage(), decode)  # type: ignore[arg-type]
    state, _ = fold.step(fold.new_state("stand-1"), frame(10**12, index=1_000_007))
    for index in range(3):
        state, follow = fold.step(state, frame(10**11 + index, index=index))
        assert follow == (OBSERVATIONS,)


def test_the_end_is_passed_on() -> None:
    fold = CapturedFrames(Stage(), decode)  # type: ignore[arg-type]
    ended = StreamEnded(stand_id="stand-1")
    assert fold.step({}, ended) == ({}, (ended,))
