"""Going on after an earlier process: frames passed over, plays in their places, time that never goes back."""

import threading
import time
from datetime import UTC, datetime

import numpy as np
import pytest

from producers.cameras.buffer import FrameBuffer
from producers.cameras.event_time import LiveClock, Reading
from producers.cameras.grabs import BadPicture, EndOfSource, Grab
from producers.cameras.sources import SourceSpec
from producers.cameras.thread import CameraPlan, CaptureThread
from producers.options import CaptureOptions, Pace
from producers.playlist import PlayFeed, PlaylistOptions, Slot
from schemas.clocks import Clocks
from schemas.events import Play
from schemas.frames import Frame

S = 1_000_000
LOOP = PlaylistOptions(
    slots=(
        Slot(campaign_id="a", creative_id="x", duration_s=1.5),
        Slot(campaign_id="b", creative_id="y", duration_s=0.2),
        Slot(campaign_id="b", creative_id="z", duration_s=3),
    )
)
ANCHORED = PlaylistOptions(slots=LOOP.slots, anchor=datetime(1970, 1, 1, tzinfo=UTC))
TIMES_US = [100 * S + index * 700_000 for index in range(40)]


@pytest.mark.parametrize("options", [LOOP, ANCHORED])
@pytest.mark.parametrize("stopped", range(0, 40, 3))
def test_a_feed_that_goes_on_gives_what_one_feed_would_have(options: PlaylistOptions, stopped: int) -> None:
    whole = PlayFeed(options, "door")
    expected = [whole.until(t_us) for t_us in TIMES_US]
    last_us = TIMES_US[stopped]
    resumed = PlayFeed(options, "door", first_us=TIMES_US[0], fed_us=last_us + 1)
    assert [resumed.until(t_us) for t_us in TIMES_US[stopped + 1 :]] == expected[stopped + 1 :]


def test_a_feed_that_knows_only_its_first_event_begins_with_the_play_that_runs() -> None:
    begun = PlayFeed(LOOP, "door", first_us=100 * S)
    plays = begun.until(102 * S)
    assert [(play.creative_id, play.start_us) for play in plays] == [("z", 101_700_000)]


def test_a_stand_that_was_off_for_days_leaves_its_plays_out_but_keeps_its_anchor() -> None:
    resumed = PlayFeed(LOOP, "door", first_us=100 * S, fed_us=100 * S + 1)
    plays: tuple[Play, ...] = resumed.until(100 * S + 2 * 86_400 * S)
    assert len(plays) == 1
    assert (plays[0].start_us - 100 * S) % 4_700_000 in (0, 1_500_000, 1_700_000)


class Film:
    """A recording of ten pictures at ten a second."""

    def __init__(self) -> None:
        self.read_s: list[float] = []

    def read(self) -> Grab | BadPicture | EndOfSource:
        index = len(self.read_s)
        if index == 10:
            return EndOfSource()
        self.read_s.append(time.monotonic())
        return Grab(picture=np.full((4, 4, 3), index, np.uint8), position_us=index * S // 10)

    def close(self) -> None:
        """Nothing to let go."""


def frames_of(skip_frames: int, pace: Pace = "fast") -> tuple[list[Frame], CaptureThread]:
    buffer = FrameBuffer(20, "wait", max_bytes=10**6, is_recording=True)
    spec = SourceSpec(kind="file", target="/clip.mp4")
    plan = CameraPlan(stand_id="door", camera_id="c", spec=spec, pace=pace, skip_frames=skip_frames)
    clocks = Clocks(now_us=lambda: 0, jitter=lambda: 0.5)
    thread = CaptureThread(plan, lambda _: Film(), buffer=buffer, options=CaptureOptions(), clocks=clocks)
    thread.start()
    frames = []
    while (frame := buffer.get(timeout_s=10)) is not None:
        frames.append(frame)
    assert thread.join(10)
    return frames, thread


@pytest.mark.parametrize("skip", [0, 1, 7, 10])
def test_what_was_delivered_is_passed_over_and_the_rest_is_the_same(skip: int) -> None:
    whole, _ = frames_of(0)
    rest, thread = frames_of(skip)
    assert [(f.frame_index, f.t_us, f.picture.max()) for f in rest] == [
        (f.frame_index, f.t_us, f.picture.max()) for f in whole[skip:]
    ]
    status = thread.status()
    assert (status.frames, status.buffer.captured) == (10, 10 - skip)


def test_at_real_pace_passing_over_takes_no_time() -> None:
    started_s = time.monotonic()
    frames, _ = frames_of(8, "real")
    assert [frame.frame_index for frame in frames] == [8, 9]
    assert time.monotonic() - started_s < 0.5, "eight tenths of a second are passed over"


def reading(wall_us: int, boot_us: int) -> Reading:
    return Reading(wall_us=wall_us, boot_us=boot_us, setting=0)


def test_a_live_camera_does_not_go_back_behind_an_earlier_process() -> None:
    clock = LiveClock(5 * S)
    stamps = [
        clock.stamp_us(reading(4 * S + index * S // 10, 50 * S + index * S // 10)) for index in range(3)
    ]
    assert stamps == [5 * S + 1, 5 * S + 1 + 90_000, 5 * S + 1 + 180_000]
    assert not clock.jumps


def test_an_earlier_clock_that_was_wrong_is_not_believed() -> None:
    """Also by less than an hour: nobody knows when it would be caught up with."""
    clock = LiveClock(20 * S)
    assert clock.stamp_us(reading(3 * S, 0)) == 3 * S
    assert clock.jumps == {"back": 1}
    assert LiveClock(1 * S).stamp_us(reading(3 * S, 0)) == 3 * S


def test_merging_calls_idle_while_nothing_comes() -> None:
    from producers.cameras.merge import merge_frames

    buffer = FrameBuffer(4, "wait", max_bytes=10**6)
    idled = threading.Event()

    def idle() -> None:
        idled.set()
        buffer.close()

    assert list(merge_frames([buffer], stop=threading.Event(), idle=idle)) == []
    assert idled.is_set()
