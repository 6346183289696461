"""The recorder: what it takes, what it leaves out and says so, where it begins and where it stops."""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from onlooker.recordings.blur import blurred
from schemas.clocks import Clocks
from schemas.errors import DependencyAwayError, UsageError
from schemas.events import FrameCaptured
from schemas.message import About
from schemas.metrics import NoMeter, NoPulse
from schemas.recording.folder import Recording
from schemas.recording.manifest import Grant
from schemas.recording.records import Unreadable
from schemas.topics import Topic
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry
from sinks.recording.loop import Blur, Recorder, RecorderParts, RecorderPlan
from sinks.recording.source import Arrived, TopicPartition
from sinks.service.feed import Bounds
from tests.event_samples import FRAME, OBSERVATIONS
from tests.recordings import HandClock, writer
from tests.streams import START_US

CODEC = AvroCodec(FileRegistry())
SEEN: TopicPartition = ("observations", 0)
FRAMES: TopicPartition = ("frames", 0)


class Broker:
    """Messages of some partitions; a minute passes whenever there are none left."""

    def __init__(self, clock: HandClock, messages: Sequence[Arrived], *, away: int = 0) -> None:
        self.clock = clock
        self.messages = messages
        self.away = away
        self.reads: Mapping[TopicPartition, int] = {}
        self._given: set[tuple[TopicPartition, int]] = set()

    def topic_ids(self) -> Mapping[Topic, str]:
        return {}

    def bounds(self) -> Mapping[TopicPartition, Bounds]:
        return {tp: Bounds(begin=0, end=self._end(tp)) for tp in self.reads}

    def offsets_at(self, t_us: int) -> Mapping[TopicPartition, int]:
        later = {
            tp: [m.offset for m in self.messages if m.tp == tp and m.arrived_us >= t_us] for tp in self.reads
        }
        return {tp: min(found, default=self._end(tp)) for tp, found in later.items()}

    def begin(self, positions: Mapping[TopicPartition, int]) -> None:
        self.reads = dict(positions)

    def poll(self, wait_s: float) -> Sequence[Arrived]:
        if self.away:
            self.away -= 1
            raise DependencyAwayError("no broker answers")
        found = [m for m in self.messages if self._is_due(m)][:2]
        if not found:
            self.clock.at_us += 60_000_000
        self._given.update((m.tp, m.offset) for m in found)
        return found

    def close(self) -> None:
        pass

    def _end(self, tp: TopicPartition) -> int:
        return max((m.offset + 1 for m in self.messages if m.tp == tp), default=0)

    def _is_due(self, message: Arrived) -> bool:
        at = self.reads.get(message.tp)
        return at is not None and message.offset >= at and (message.tp, message.offset) not in self._given


def message(tp: TopicPartition, offset: int, at_s: float = 0.0, **changes: object) -> Arrived:
    t_us = START_US + round(at_s * 1e6)
    event = msgspec.structs.replace(FRAME if tp == FRAMES else OBSERVATIONS, t_us=t_us)
    about = About(producer="p", produced_us=t_us, captured_us=t_us)
    plain = {
        "tp": tp,
        "offset": offset,
        "arrived_us": t_us,
        "key": b"stand-1",
        "value": CODEC.encode(event),
        "headers": tuple(about.headers()),
    }
    return Arrived(**{**plain, **changes})  # type: ignore[arg-type]


def record(
    folder: Path,
    messages: Sequence[Arrived],
    *,
    grant: Grant | None = None,
    blur: Blur | None = None,
    until_s: float = 30.0,
    away: int = 0,
    broker: type[Broker] = Broker,
) -> Recording:
    clock = HandClock()
    tps = {message.tp for message in messages}
    plan = RecorderPlan(
        positions=dict.fromkeys(tps, 0), until_us=START_US + round(until_s * 1e6), grant=grant
    )
    source = broker(clock, messages, away=away)
    with writer(folder, clock) as recording:
        parts = RecorderParts(
            source=source,
            codec=CODEC,
            writer=recording,
            clock=clock.clocks(),
            meter=NoMeter(),
            pulse=NoPulse(),
            blur=blur,
        )
        Recorder(parts, plan).run(threading.Event())
    return Recording(folder)


def offsets(recording: Recording, topic: str) -> list[int]:
    return [record.offset for record in recording.records(topic)]  # type: ignore[arg-type]


def grant(until_s: float, *, blur: bool = False) -> Grant:
    return Grant(
        reason="a test",
        granted_us=START_US,
        by="me",
        from_us=START_US,
        until_us=START_US + round(until_s * 1e6),
        faces_blurred=blur,
    )


def test_it_stops_at_what_arrived_after_the_end(tmp_path: Path) -> None:
    found = record(tmp_path / "r", [message(SEEN, i, at_s=10.0 * i) for i in range(6)], until_s=30.0)
    assert offsets(found, "observations") == [0, 1, 2]


def test_headers_and_the_brokers_time_are_kept(tmp_path: Path) -> None:
    (found,) = record(tmp_path / "r", [message(SEEN, 0, at_s=1.0)]).records("observations")
    assert found.arrived_us == START_US + 1_000_000
    assert found.about == About(
        producer="p", produced_us=START_US + 1_000_000, captured_us=START_US + 1_000_000
    )


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"value": b"\x00\x00\x00\x00\x02\x01"}, "truncated"),
        ({"value": None}, "empty"),
        ({"key": b"another"}, "wrong_type"),
        ({"arrived_us": START_US - 2 * 3_600_000_000}, "future"),
    ],
)
def test_what_is_no_event_is_kept_with_its_bytes_and_its_cause(
    tmp_path: Path, changes: dict[str, object], cause: str
) -> None:
    bad = msgspec.structs.replace(message(SEEN, 0), **changes)
    (found,) = record(tmp_path / "r", [bad]).records("observations")
    assert found.event == Unreadable(cause=cause, key=bad.key, value=bad.value)


def test_pictures_are_recorded_within_their_grant_only(tmp_path: Path) -> None:
    messages = [message(FRAMES, i, at_s=10.0 * i) for i in range(6)]
    found = record(tmp_path / "r", messages, grant=grant(25.0), until_s=300.0)
    assert offsets(found, "frames") == [0, 1, 2]
    none = record(tmp_path / "none", messages)
    assert offsets(none, "frames") == []
    assert none.manifest.left_out == {"frame_without_grant": 3}


def test_a_picture_that_cannot_be_blurred_is_left_out(tmp_path: Path) -> None:
    def blur(frame: FrameCaptured) -> FrameCaptured | None:
        if frame.t_us > START_US + 5_000_000:
            return None
        return msgspec.structs.replace(frame, picture=b"hidden")

    messages = [message(FRAMES, 0), message(FRAMES, 1, at_s=10), message(FRAMES, 2, at_s=11, value=b"\x01")]
    found = record(tmp_path / "r", messages, grant=grant(60, blur=True), blur=blur)
    assert [each.event.picture for each in found.records("frames")] == [b"hidden"]
    assert found.manifest.left_out == {"not_blurred": 2}


def test_what_the_brokers_have_deleted_is_a_gap_and_said(tmp_path: Path) -> None:
    found = record(tmp_path / "r", [message(SEEN, 3), message(SEEN, 4), message(SEEN, 9)])
    assert [(gap.first, gap.end) for gap in found.manifest.gaps] == [(0, 3), (5, 9)]


def test_a_topic_that_begins_anew_ends_the_recording(tmp_path: Path) -> None:
    class Anew(Broker):
        def poll(self, wait_s: float) -> Sequence[Arrived]:
            return [message(SEEN, 5), message(SEEN, 0)]

    with pytest.raises(UsageError, match="deleted and made again"):
        record(tmp_path / "r", [message(SEEN, 5)], broker=Anew)
    assert offsets(Recording(tmp_path / "r"), "observations") == [5]


def test_brokers_that_are_away_are_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sinks.recording.loop.AGAIN_S", 0.001)
    found = record(tmp_path / "r", [message(SEEN, 0), message(SEEN, 1)], away=3)
    assert offsets(found, "observations") == [0, 1]


def test_a_blurred_face_is_a_coarse_mosaic_and_the_rest_is_as_it_was() -> None:
    import numpy as np

    picture = np.random.default_rng(1).integers(0, 255, (120, 160, 3)).astype(np.uint8)
    found = blurred(picture, [(60.0, 40.0, 40.0, 50.0), (-10.0, -10.0, 12.0, 12.0)])
    face = found[40:90, 60:100]
    colours = {tuple(int(part) for part in pixel) for pixel in face.reshape(-1, 3)}
    assert len(colours) <= 49
    assert (found[:, 120:] == picture[:, 120:]).all()
    assert not (found[:3, :3] == picture[:3, :3]).all()
    assert blurred(picture, []) is not picture


class MadeAnew(Broker):
    """A topic is deleted, made again and has grown past where the recorder was, between two polls."""

    polls = 0

    def topic_ids(self) -> Mapping[Topic, str]:
        return {"observations": "one" if self.polls < 2 else "two"}

    def poll(self, wait_s: float) -> Sequence[Arrived]:
        self.polls += 1
        return super().poll(wait_s)


def test_a_topic_made_anew_while_it_is_recorded_ends_the_recording(tmp_path: Path) -> None:
    messages = [message(SEEN, offset, offset / 10) for offset in range(6)]
    with pytest.raises(UsageError, match=r"made again\. Name another folder"):
        record(tmp_path / "r", messages, broker=MadeAnew)
    offsets = [each.offset for each in Recording(tmp_path / "r").records("observations")]
    assert offsets == [0, 1], "nothing of the other topic"


class Expiring:
    """A writer that remembers what was to be deleted."""

    def __init__(self) -> None:
        self.before_us: list[int] = []

    def expire(self, before_us: int) -> None:
        self.before_us.append(before_us)


@pytest.mark.parametrize("set_s", [-10_800, 10_800])
def test_old_hours_are_looked_for_once_a_minute_whatever_the_wall_clock_does(set_s: int) -> None:
    wall_us, now_s, keep_us = [START_US], [0.0], 60_000_000
    clock = Clocks(now_us=lambda: wall_us[0], monotonic_s=lambda: now_s[0])
    old = Expiring()
    parts = RecorderParts(
        source=Broker(HandClock(), [], away=0),
        codec=CODEC,
        writer=old,  # type: ignore[arg-type]
        clock=clock,
        meter=NoMeter(),
        pulse=NoPulse(),
    )
    recorder = Recorder(parts, RecorderPlan(positions={}, keep_us=keep_us))
    for second in range(130):
        now_s[0] = float(second)
        wall_us[0] = START_US + (second + (set_s if second > 30 else 0)) * 1_000_000
        recorder._expire()
    assert old.before_us == [
        START_US - keep_us,
        *(START_US + (second + set_s) * 1_000_000 - keep_us for second in (60, 120)),
    ]
