"""A capture and a run on a machine whose clock is set: event time, plays, journal, counts, durations."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client import generate_latest

from onlooker.cameras.lines import CameraLine
from onlooker.capture.stand import CapturedStand
from onlooker.run.running import LocalRun, Tally
from onlooker.telemetry.meter import PrometheusMeter
from processors.measure.stage import MeasureStage
from processors.runtime.local import Delivery, LocalRuntime
from processors.thresholds import MeasureOptions
from producers.cameras.buffer import FrameBuffer
from producers.cameras.grabs import EndOfSource, Grab
from producers.cameras.sources import SourceSpec
from producers.cameras.thread import CameraPlan, CaptureThread
from producers.options import CaptureOptions
from producers.playlist import PlayFeed, PlaylistOptions, Slot
from producers.publish.in_flight import Message
from producers.publish.journal import Journal, StandNote, next_life
from schemas.clocks import Clocks
from schemas.events import FaceObservations, Play, WindowClosed
from schemas.frames import Frame
from schemas.ids import derive_id
from schemas.units import US_PER_S
from tests.unit.test_capture_event_time import START_US, Machine
from tests.unit.test_capture_service import Broker, Film, Rig

HOUR_S = 3_600.0
LOOP = PlaylistOptions(slots=(Slot(campaign_id="a", creative_id="x", duration_s=10),))


class Scene(Film):
    """A live camera, ten pictures a second; after some of them the machine's clock is set."""

    def __init__(self, machine: Machine, length: int, sets: Mapping[int, float]) -> None:
        super().__init__(length, is_live=True)
        self._machine, self._sets = machine, sets

    def read(self) -> Any:
        if self._index == self._length:
            return EndOfSource()
        self._machine.on(0.1)
        self._machine.set_by(self._sets.get(self._index, 0.0))
        self._index += 1
        return Grab(picture=np.full((4, 4, 3), self._index % 251, np.uint8), position_us=None)


def line_of(machine: Machine, film: Film, note: StandNote) -> CameraLine:
    buffer = FrameBuffer(4, "wait", max_bytes=10**6)
    name = "camera-1"
    capture = CaptureThread(
        CameraPlan(
            stand_id="door",
            camera_id=name,
            spec=SourceSpec(kind="usb", target="0"),
            first_index=next_life(note.frames.get(name)),
            after_us=note.times_us.get(name),
        ),
        lambda _: film,
        buffer=buffer,
        options=CaptureOptions(),
        clocks=Clocks(monotonic_s=lambda: machine.monotonic_s, jitter=lambda: 0.5),
        wall=machine.wall,
    )
    return CameraLine(
        stand_id="door",
        camera_id=name,
        is_recording=False,
        expected_frames=None,
        capture=capture,
        buffer=buffer,
    )


def captured(
    folder: Path,
    machine: Machine,
    length: int,
    sets: Mapping[int, float],
    meter: PrometheusMeter | None = None,
) -> tuple[Broker, dict[str, Any], StandNote]:
    """What a capture has sent, its summary, and what it noted."""
    broker = Broker()
    rig = Rig(folder, broker, meter=meter)
    note = rig.journal.note("door", {})
    feed = PlayFeed(LOOP, "door", first_us=note.first_us, fed_us=note.until_us)
    line = line_of(machine, Scene(machine, length, sets), note)
    rig.stands.append(CapturedStand("door", [line], feed, note))
    found = rig.run()
    return broker, found, Journal(folder / "journal.json").note("door", {})


def times_s(broker: Broker) -> list[float]:
    marks = [
        message.mark for message in broker.log if message.topic == "frames" and hasattr(message.mark, "t_us")
    ]
    return [(mark.t_us - START_US) / US_PER_S for mark in marks]


def plays(log: list[Message]) -> list[tuple[float, float]]:
    shown = [message.mark for message in log if isinstance(message.mark, Play)]
    return [((each.start_us - START_US) / US_PER_S, (each.end_us - START_US) / US_PER_S) for each in shown]


@pytest.mark.parametrize(
    ("start_s", "set_s", "direction"), [(3 * HOUR_S, -3 * HOUR_S, "back"), (0, 3 * HOUR_S, "ahead")]
)
def test_a_capture_follows_the_clock_at_once(
    tmp_path: Path, start_s: float, set_s: float, direction: str
) -> None:
    machine, meter = Machine(), PrometheusMeter()
    machine.set_by(start_s)
    broker, found, note = captured(tmp_path, machine, 120, {70: set_s}, meter)
    assert times_s(broker) == pytest.approx(
        [start_s + (n + 1) / 10 + (set_s if n >= 70 else 0.0) for n in range(120)]
    )
    (camera,) = found["cameras"]
    assert camera["by_cause"] == {f"clock_{direction}": 1}
    series = f'onlooker_clock_jumps_total{{camera_id="camera-1",direction="{direction}",stand_id="door"}} 1.0'
    assert series.encode() in generate_latest(meter.registry)
    assert note.until_us == START_US + round((start_s + set_s + 12.0) * US_PER_S), (
        "the new time, in the journal too"
    )
    assert note.times_us == {"camera-1": note.until_us}


@pytest.mark.parametrize("set_s", [3 * HOUR_S, -3 * HOUR_S])
def test_plays_begin_anew_where_the_clock_goes_on(tmp_path: Path, set_s: float) -> None:
    """No play of the hours that never were, none missing of those that are; the loop has no anchor."""
    broker, found, note = captured(tmp_path, Machine(), 250, {150: set_s})
    anew = set_s + 15.1
    shown = plays(broker.log)
    assert [start for start, _ in shown] == pytest.approx([0.1, 10.1, anew])
    assert [end for _, end in shown] == pytest.approx([10.1, 20.1, anew + 10])
    assert found["plays"] == 3
    assert note.first_us == START_US + round(anew * US_PER_S)


def test_a_later_capture_knows_frames_by_numbers_that_never_come_again(tmp_path: Path) -> None:
    machine = Machine()
    machine.set_by(3 * HOUR_S)
    captured(tmp_path, machine, 20, {})
    machine.set_by(-3 * HOUR_S)
    broker, found, note = captured(tmp_path, machine, 20, {})
    assert times_s(broker)[0] == pytest.approx(2.1)
    assert [index for *_, index in broker.frames()] == list(range(1_000_000, 1_000_020))
    assert found["cameras"][0]["by_cause"] == {"clock_back": 1}, "set while nobody looked"
    assert note.frames == {"camera-1": 1_000_019}


def test_frames_of_another_camera_from_before_the_jump_bring_no_plays() -> None:
    feed = PlayFeed(LOOP, "door")
    assert len(feed.until(START_US + 10_800 * US_PER_S, 0)) == 1
    assert [each.start_us for each in feed.until(START_US, 1)] == [START_US]
    assert feed.until(START_US + 10_801 * US_PER_S, 0) == ()
    assert feed.until(START_US + 1, 1) == ()
    assert [each.start_us for each in feed.until(START_US + 10 * US_PER_S, 1)] == [START_US + 10 * US_PER_S]


class Blind:
    """OBSERVE that sees nobody."""

    def new_state(self, stand_id: str) -> Any:
        return None

    def step(self, state: Any, event: Frame) -> tuple[Any, tuple[FaceObservations, ...]]:
        seen = FaceObservations(
            observation_id=derive_id(
                "observation", event.stand_id, event.camera_id, event.frame_index, event.t_us
            ),
            stand_id=event.stand_id,
            camera_id=event.camera_id,
            frame_index=event.frame_index,
            t_us=event.t_us,
            width_px=4,
            height_px=4,
        )
        return state, (seen,)


def ran(
    machine: Machine, length: int, sets: Mapping[int, float], duration_s: float | None = None
) -> list[WindowClosed]:
    windows: dict[Any, WindowClosed] = {}

    def take(delivery: Delivery) -> None:
        if isinstance(delivery.event, WindowClosed):
            windows[delivery.event.window_id] = delivery.event

    runtime = LocalRuntime({"observe": Blind(), "measure": MeasureStage(MeasureOptions())}, take)
    line = line_of(machine, Scene(machine, length, sets), StandNote())
    feeds = {"door": PlayFeed(LOOP, "door")}
    run = LocalRun([line], feeds, runtime, Tally(), stop=threading.Event(), duration_s=duration_s)
    run.run(lambda _: None)
    return list(windows.values())


@pytest.mark.parametrize("set_s", [-3 * HOUR_S, 3 * HOUR_S])
def test_a_run_measures_every_second_at_the_time_of_its_clock(set_s: float) -> None:
    """73 s of a camera: 33 s before the clock is set, 40 s after."""
    machine = Machine()
    machine.set_by(10 * HOUR_S)
    windows = ran(machine, 730, {330: set_s})
    before = [
        each for each in windows if abs(each.start_us - START_US - 10 * HOUR_S * US_PER_S) < HOUR_S * US_PER_S
    ]
    after = [each for each in windows if each not in before]
    assert sum(each.observed_us for each in before) == 32_900_000
    assert sum(each.observed_us for each in after) == 39_900_000


@pytest.mark.parametrize("set_s", [-3 * HOUR_S, 3 * HOUR_S])
def test_a_duration_is_not_that_of_the_wall_clock(set_s: float) -> None:
    windows = ran(Machine(), 700, {100: set_s}, duration_s=30.0)
    assert sum(each.observed_us for each in windows) == pytest.approx(29.8 * US_PER_S, abs=0.2 * US_PER_S)
