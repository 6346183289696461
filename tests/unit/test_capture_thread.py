"""The capture thread on scripted cameras: reopening, stopping, pacing, broken sources, and who is told."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from producers.cameras.buffer import FrameBuffer
from producers.cameras.grabs import BadPicture, CameraLostError, EndOfSource, Grab
from producers.cameras.pacing import Pacer, policy_at
from producers.cameras.sources import SourceSpec
from producers.cameras.thread import CameraPlan, CaptureThread
from producers.options import CaptureOptions, DropPolicy, Pace
from schemas.clocks import Clocks
from schemas.frames import Frame

DEADLINE_S = 20.0
LIVE = SourceSpec(kind="usb", target="0")
RECORDING = SourceSpec(kind="file", target="/clip.mp4")
QUICK = CaptureOptions(backoff_first_s=0.001, backoff_max_s=0.002)

Step = Grab | BadPicture | EndOfSource | Exception


def grab(value: int = 0, position_us: int | None = None) -> Grab:
    return Grab(picture=np.full((16, 16, 3), value, np.uint8), position_us=position_us)


def gone() -> CameraLostError:
    return CameraLostError("read_failed", "the cable is out")


def steps(*given: Step) -> Iterator[Step]:
    return iter(given)


class ScriptedCamera:
    """Gives what its script says, then blocks until closed or fails."""

    def __init__(self, script: Iterator[Step]) -> None:
        self._script = script
        self.closed = 0

    def read(self) -> Grab | BadPicture | EndOfSource:
        given = next(self._script)
        if isinstance(given, Exception):
            raise given
        return given

    def close(self) -> None:
        self.closed += 1


class Rig:
    """One capture thread with its buffer; every opening takes the next script, or raises it."""

    def __init__(
        self,
        *scripts: Iterator[Step] | Exception,
        spec: SourceSpec = LIVE,
        options: CaptureOptions = QUICK,
        policy: DropPolicy = "wait",
        pace: Pace = "fast",
        clock_us: Callable[[], int] = lambda: time.time_ns() // 1000,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._scripts = iter(scripts)
        self.cameras: list[ScriptedCamera] = []
        self.buffer = FrameBuffer(4, policy, max_bytes=10**6, is_recording=spec.is_recording)
        self.thread = CaptureThread(
            CameraPlan(stand_id="stand", camera_id="cam", spec=spec, pace=pace),
            self._open,
            buffer=self.buffer,
            options=options,
            clocks=Clocks(now_us=clock_us, monotonic_s=monotonic_s, jitter=lambda: 0.5),
        )
        self.thread.start()

    def _open(self, spec: SourceSpec) -> ScriptedCamera:
        script = next(self._scripts, None)
        if script is None:
            raise gone()
        if isinstance(script, Exception):
            raise script
        self.cameras.append(ScriptedCamera(script))
        return self.cameras[-1]

    def take(self, count: int) -> list[Frame]:
        frames = [self.buffer.get(DEADLINE_S) for _ in range(count)]
        assert None not in frames, self.thread.status()
        return [frame for frame in frames if frame is not None]

    def rest(self) -> list[Frame]:
        return list(iter(lambda: self.buffer.get(DEADLINE_S), None))

    def stop(self) -> None:
        self.thread.stop()
        assert self.thread.join(DEADLINE_S)


def test_a_live_camera_that_vanishes_is_reopened_and_frames_go_on() -> None:
    rig = Rig(steps(grab(1), grab(2), gone()), gone(), gone(), steps(grab(3), gone()))
    frames = rig.take(3)
    rig.stop()
    assert [int(frame.picture[0, 0, 0]) for frame in frames] == [1, 2, 3]
    assert [frame.frame_index for frame in frames] == [0, 1, 2]
    assert frames[0].t_us < frames[1].t_us < frames[2].t_us
    status = rig.thread.status()
    assert (status.opened, status.reopened, status.phase) == (2, 1, "ended")
    assert status.by_cause["read_failed"] >= 3
    assert all(camera.closed == 1 for camera in rig.cameras)


def test_a_lost_camera_shows_in_its_status() -> None:
    opened = threading.Event()

    def script() -> Iterator[Step]:
        yield grab()
        opened.set()
        yield gone()

    rig = Rig(script(), options=CaptureOptions(backoff_first_s=3600.0, backoff_max_s=3600.0))
    rig.take(1)
    assert opened.wait(DEADLINE_S)
    deadline = time.monotonic() + DEADLINE_S
    while rig.thread.status().phase != "waiting" and time.monotonic() < deadline:
        threading.Event().wait(0.005)
    status = rig.thread.status()
    rig.stop()
    assert (status.phase, status.problem, status.lost) == ("waiting", "the cable is out", 1)
    assert (status.source, status.stand_id, status.camera_id) == ("usb:0", "stand", "cam")


def test_stop_wakes_a_camera_that_waits_for_an_hour() -> None:
    rig = Rig(options=CaptureOptions(backoff_first_s=3600.0, backoff_max_s=3600.0))
    started_s = time.monotonic()
    rig.stop()
    assert time.monotonic() - started_s < 1.0
    assert rig.buffer.ended


def test_stop_wakes_a_writer_before_a_full_buffer() -> None:
    rig = Rig(grab(i % 200) for i in itertools.count())
    rig.take(1)
    started_s = time.monotonic()
    rig.stop()
    assert time.monotonic() - started_s < 1.0
    counts = rig.buffer.counts
    assert counts.captured == counts.delivered + counts.dropped + counts.inside


def test_stop_wakes_a_paced_recording() -> None:
    hour_us = 3_600_000_000
    rig = Rig(steps(grab(0, 0), grab(1, hour_us), EndOfSource()), spec=RECORDING, pace="real")
    rig.take(1)
    started_s = time.monotonic()
    rig.stop()
    assert time.monotonic() - started_s < 1.0


def test_a_recording_has_its_own_time_and_ends() -> None:
    rig = Rig(steps(grab(0, 0), grab(0, 83_333), EndOfSource(missing_frames=2)), spec=RECORDING)
    frames = rig.rest()
    assert rig.thread.join(DEADLINE_S)
    year_2000_us = 946_684_800_000_000
    assert [frame.t_us for frame in frames] == [year_2000_us, year_2000_us + 83_333]
    status = rig.thread.status()
    assert (status.phase, status.frames, status.by_cause) == ("ended", 2, {"missing": 2})
    assert status.problem is None


def test_a_broken_recording_ends_with_its_problem_as_a_value() -> None:
    rig = Rig(CameraLostError("empty", "clip.mp4 is empty"), spec=RECORDING)
    assert rig.rest() == []
    assert rig.thread.join(DEADLINE_S)
    status = rig.thread.status()
    assert (status.phase, status.problem, status.by_cause) == ("ended", "clip.mp4 is empty", {"empty": 1})


def test_broken_pictures_are_counted() -> None:
    bad = BadPicture(name="a.jpg", cause="empty", detail="it is empty")
    rig = Rig(steps(bad, grab(0, 1), bad, EndOfSource()), spec=RECORDING)
    assert [frame.frame_index for frame in rig.rest()] == [0]
    assert rig.thread.join(DEADLINE_S)
    status = rig.thread.status()
    assert (status.undecodable, status.problem) == (2, "a.jpg: it is empty")


def test_a_frozen_picture_is_a_loss() -> None:
    seconds = itertools.count()
    rig = Rig(
        (grab(7) for _ in itertools.count()),
        (grab(i % 200) for i in itertools.count()),
        options=CaptureOptions(identical_s=30.0, backoff_first_s=0.001, backoff_max_s=0.001),
        monotonic_s=lambda: float(next(seconds)),
    )
    while int(rig.take(1)[0].picture[0, 0, 0]) == 7:
        assert rig.thread.status().frames < 100
    rig.stop()
    assert rig.thread.status().by_cause["frozen"] == 1


def test_a_wall_clock_that_is_set_is_followed_and_counted() -> None:
    walls = [5_000_000, 5_000_001, 2_000_000, 2_000_001, 9_000_000]
    seen = iter(walls)
    rig = Rig(steps(*map(grab, range(5)), gone()), clock_us=lambda: next(seen))
    frames = [rig.take(1)[0] for _ in range(5)]
    rig.stop()
    assert [frame.t_us for frame in frames] == walls
    assert [frame.setting for frame in frames] == [0, 0, 1, 1, 2]
    by_cause = rig.thread.status().by_cause
    assert (by_cause["clock_back"], by_cause["clock_ahead"]) == (1, 1)


def test_a_bug_in_a_camera_ends_the_stream_and_reaches_the_roof() -> None:
    rig = Rig(steps(grab(), ZeroDivisionError("a bug")))
    rig.take(1)
    assert rig.rest() == []
    with pytest.raises(ZeroDivisionError, match="a bug"):
        rig.thread.join(DEADLINE_S)


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
def test_a_slow_reader_drops_by_the_policy_and_every_drop_is_counted(policy: DropPolicy) -> None:
    done = threading.Event()

    def script() -> Iterator[Step]:
        yield from (grab(i) for i in range(50))
        done.set()
        yield gone()

    rig = Rig(script(), policy=policy, options=CaptureOptions(backoff_first_s=3600.0, backoff_max_s=3600.0))
    assert done.wait(DEADLINE_S)
    rig.stop()
    values = [int(frame.picture[0, 0, 0]) for frame in rig.rest()]
    assert values == ([46, 47, 48, 49] if policy == "drop_oldest" else [0, 1, 2, 3])
    assert rig.buffer.counts.dropped_by_cause == {policy: 46}


@pytest.mark.parametrize(
    ("pace", "is_recording", "policy"),
    [("fast", True, "wait"), ("real", True, "drop_oldest"), ("fast", False, "drop_oldest")],
)
def test_only_recordings_at_full_speed_always_wait(
    pace: Pace, is_recording: bool, policy: DropPolicy
) -> None:
    assert policy_at(pace, is_recording=is_recording, policy="drop_oldest") == policy


def test_real_pace_follows_the_positions_and_never_owes_time() -> None:
    now = [100.0]
    pacer = Pacer("real", monotonic_s=lambda: now[0])
    assert pacer.wait_s(2_000_000) == 0.0
    now[0] = 100.25
    assert pacer.wait_s(3_000_000) == pytest.approx(0.75)
    now[0] = 105.0
    assert pacer.wait_s(3_500_000) == 0.0
    assert Pacer("fast", monotonic_s=lambda: now[0]).wait_s(10**12) == 0.0


def test_a_thread_that_was_never_started_ends_at_once() -> None:
    buffer = FrameBuffer(1, "wait", max_bytes=10**6)
    clocks = Clocks(now_us=lambda: 0, monotonic_s=lambda: 0.0, jitter=lambda: 0.0)
    plan = CameraPlan(stand_id="stand", camera_id="cam", spec=LIVE)
    thread = CaptureThread(
        plan, lambda _: ScriptedCamera(steps()), buffer=buffer, options=QUICK, clocks=clocks
    )
    thread.stop()
    assert thread.join(0.0)
    assert thread.status().phase == "closed"
    assert buffer.ended
