"""The capture service on scripted cameras and a fake broker: order, drops, resuming, stopping."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from onlooker.cameras.lines import CameraLine
from onlooker.capture.owning import Owners, OwnershipLostError
from onlooker.capture.service import CaptureParts, CaptureService
from onlooker.capture.stand import CapturedStand, FrameMark
from onlooker.capture.summary import capture_summary
from onlooker.capture.tally import CaptureTally
from producers.cameras.buffer import FrameBuffer
from producers.cameras.grabs import BadPicture, EndOfSource, Grab
from producers.cameras.sources import SourceSpec
from producers.cameras.thread import CameraPlan, CaptureThread
from producers.options import CaptureOptions, DropPolicy, PublishOptions
from producers.playlist import PlayFeed, PlaylistOptions, Slot
from producers.publish.in_flight import Message
from producers.publish.journal import Journal, StandNote
from producers.publish.pictures import Encoded
from producers.publish.publishing import OnDone, Publisher
from schemas.clocks import Clocks
from schemas.errors import BadPictureError, DependencyAwayError, UsageError
from schemas.events import FrameCaptured, Play, StreamEnded
from schemas.frames import Frame
from schemas.metrics import CounterName, Meter, NoMeter, NoPulse

PATIENCE_S = 20.0
PERIOD_US = 100_000
LOOP = PlaylistOptions(slots=(Slot(campaign_id="a", creative_id="x", duration_s=1),))
OPTIONS = PublishOptions(journal_every_s=0.001, flush_s=0.2)


class PlainCodec:
    """Events as they are: this is not a test of Avro."""

    def encode(self, event: Any) -> bytes:
        kept = msgspec.structs.replace(event, picture=b"") if isinstance(event, FrameCaptured) else event
        return msgspec.msgpack.encode([type(event).__name__, kept])

    def decode(self, data: bytes | None) -> Any:
        raise NotImplementedError


class Film:
    """A recording of `length` pictures at ten a second; a live camera when it has no end."""

    def __init__(self, length: int | None, *, is_live: bool = False) -> None:
        self._length = length
        self._is_live = is_live
        self._index = 0

    def read(self) -> Grab | BadPicture | EndOfSource:
        if self._index == self._length:
            return EndOfSource()
        self._index += 1
        if self._is_live:
            time.sleep(0.002)
        position_us = None if self._is_live else (self._index - 1) * PERIOD_US
        return Grab(picture=np.full((4, 4, 3), self._index % 251, np.uint8), position_us=position_us)

    def close(self) -> None:
        """Nothing to let go."""


class Broker:
    """Takes messages and acknowledges them at once, unless it is away."""

    def __init__(self) -> None:
        self.log: list[Message] = []
        self.waiting: list[tuple[Message, OnDone]] = []
        self.is_silent = False
        self.on_message: Callable[[Message], None] = lambda _: None
        """Called before a message is acknowledged, or put to those that wait."""
        self._lock = threading.Lock()

    def send(self, message: Message, done: OnDone) -> None:
        self.on_message(message)
        with self._lock:
            if self.is_silent:
                self.waiting.append((message, done))
                return
            self.log.append(message)
        done(None)

    def abandon(self) -> None:
        """Nothing to let go."""

    def close(self) -> None:
        """Nothing to let go."""

    def wake(self) -> None:
        with self._lock:
            self.is_silent = False
            waiting, self.waiting = self.waiting, []
            self.log += [message for message, _ in waiting]
        for _, done in waiting:
            done(None)

    @property
    def events(self) -> list[object]:
        return [message.mark for message in self.log]

    def frames(self) -> list[tuple[str, str, int]]:
        return [
            (message.stand_id, message.mark.camera_id, message.mark.frame_index)
            for message in self.log
            if isinstance(message.mark, FrameMark)
        ]


def encode(frame: Frame, lossless: bool) -> Encoded:
    return Encoded(
        picture=frame.picture.tobytes(), encoding="png" if lossless else "jpeg", width_px=4, height_px=4
    )


class AllOurs:
    """Nobody else captures, unless a test says so."""

    def __init__(self) -> None:
        self.losses = 0
        self.problem: str | None = None
        self.refusal: UsageError | None = None
        self.others: set[str] = set()
        self.unknown = False
        self.first: int | None = None

    def owns(self, key: str) -> bool | None:
        return None if self.unknown else key not in self.others

    def owner(self, key: str) -> str:
        return f"another of {key}"

    def first_us(self, stand_id: str) -> int | None:
        return self.first

    def begun(self, stand_id: str, first_us: int) -> None:
        pass

    def others_own_of(self, stand_id: str) -> bool:
        return any(key.partition("/")[0] == stand_id for key in self.others)


class Rig:
    """A capture service over films, with a journal in a folder."""

    def __init__(
        self,
        folder: Path,
        broker: Broker,
        *,
        options: PublishOptions = OPTIONS,
        encode: Any = encode,
        meter: Meter | None = None,
        owners: Owners | None = None,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.stop = threading.Event()
        self.journal = Journal(folder / "journal.json")
        self.tally = CaptureTally(meter or NoMeter())
        self.stands: list[CapturedStand] = []
        self._options = options
        self._parts = CaptureParts(
            publisher=Publisher(lambda: broker, options),
            journal=self.journal,
            owners=owners or AllOurs(),
            codec=PlainCodec(),
            encode=encode,
            pulse=NoPulse(),
            clock_us=lambda: 7,
            producer="test",
        )

    def add(
        self,
        stand_id: str,
        lengths: Sequence[int | None],
        *,
        is_live: bool = False,
        policy: DropPolicy = "wait",
    ) -> None:
        names = [f"camera-{number}" for number in range(1, len(lengths) + 1)]
        note = self.journal.note(stand_id, {} if is_live else dict.fromkeys(names, "digest"))
        lines = [
            _line(stand_id, name, Film(length, is_live=is_live), policy, note)
            for name, length in zip(names, lengths, strict=True)
        ]
        fed_us = None if note.until_us is None else note.until_us + 1
        feed = PlayFeed(LOOP, stand_id, first_us=note.first_us, fed_us=fed_us)
        self.stands.append(CapturedStand(stand_id, lines, feed, note))

    def run(self, after_frame: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
        service = CaptureService(self.stands, self._parts, self.tally, options=self._options, stop=self.stop)
        service.run(after_frame)
        summary = capture_summary(
            service.lines,
            self.tally,
            seconds=service.seconds,
            interrupted=self.stop.is_set(),
            finished=(),
        )
        found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(summary))
        frames = found["frames"]
        assert frames["captured"] == frames["published"] + frames["dropped"], "every frame is accounted for"
        return found


def _line(stand_id: str, name: str, film: Film, policy: DropPolicy, note: StandNote) -> CameraLine:
    is_live = film._is_live
    buffer = FrameBuffer(4, policy, max_bytes=10**6, is_recording=not is_live)
    spec = SourceSpec(kind="usb", target="0") if is_live else SourceSpec(kind="file", target="/clip.mp4")
    skip_frames = 0 if is_live else note.frames.get(name, -1) + 1
    capture = CaptureThread(
        CameraPlan(stand_id=stand_id, camera_id=name, spec=spec, skip_frames=skip_frames),
        lambda _: film,
        buffer=buffer,
        options=CaptureOptions(),
        clocks=Clocks(jitter=lambda: 0.5),
    )
    return CameraLine(
        stand_id=stand_id,
        camera_id=name,
        is_recording=not is_live,
        expected_frames=None,
        capture=capture,
        buffer=buffer,
    )


def test_all_frames_arrive_in_order_and_the_end_is_said(tmp_path: Path) -> None:
    broker = Broker()
    rig = Rig(tmp_path, broker)
    rig.add("door", [25, 30])
    rig.add("window", [12])
    found = rig.run()
    door = [(camera, index) for stand, camera, index in broker.frames() if stand == "door"]
    merged = sorted([(i, "camera-1") for i in range(25)] + [(i, "camera-2") for i in range(30)])
    assert door == [(camera, index) for index, camera in merged]
    assert [index for stand, _, index in broker.frames() if stand == "window"] == list(range(12))
    for stand_id in ("door", "window"):
        last = [each for each in broker.log if each.stand_id == stand_id][-1]
        assert last.mark == StreamEnded(stand_id=stand_id)
    assert sorted(found["ended"]) == ["door", "window"]
    assert rig.journal.note("door", dict.fromkeys(["camera-1", "camera-2"], "digest")).ended


def test_a_short_stand_does_not_wait_for_a_long_one(tmp_path: Path) -> None:
    broker = Broker()
    rig = Rig(tmp_path, broker)
    rig.add("door", [3])
    rig.add("window", [60])
    rig.run()
    kinds = [(each.stand_id, isinstance(each.mark, StreamEnded)) for each in broker.log]
    assert kinds.index(("door", True)) < len(kinds) - 20


def test_every_play_is_acknowledged_before_a_frame_at_or_after_its_start(tmp_path: Path) -> None:
    broker = Broker()
    early = []

    def on_message(message: Message) -> None:
        if isinstance(message.mark, Play):
            broker.is_silent = True  # acknowledged late: no frame may come meanwhile
            threading.Timer(0.05, broker.wake).start()
        elif isinstance(message.mark, FrameMark):
            plays = [mark for mark in broker.events if isinstance(mark, Play)]
            if not plays or message.mark.t_us >= plays[-1].end_us:
                early.append(message.mark)

    broker.on_message = on_message
    rig = Rig(tmp_path, broker)
    rig.add("door", [35])
    assert rig.run()["plays"] == 4
    assert early == []


def test_a_recording_waits_for_a_silent_broker_and_loses_nothing(tmp_path: Path) -> None:
    broker = Broker()
    options = PublishOptions(in_flight_messages=5, journal_every_s=0.001)
    rig = Rig(tmp_path, broker, options=options)
    rig.add("door", [30])

    def on_message(message: Message) -> None:
        if getattr(message.mark, "frame_index", None) == 10:
            broker.is_silent = True
            threading.Timer(0.4, broker.wake).start()

    broker.on_message = on_message
    found = rig.run()
    assert [index for _, _, index in broker.frames()] == list(range(30))
    assert found["frames"]["dropped"] == 0


def test_a_live_camera_drops_its_oldest_while_the_broker_is_silent(tmp_path: Path) -> None:
    broker = Broker()
    options = PublishOptions(in_flight_messages=5, journal_every_s=0.001, flush_s=0.2)
    rig = Rig(tmp_path, broker, options=options)
    rig.add("door", [None], is_live=True, policy="drop_oldest")

    silenced: list[int] = []

    def on_message(message: Message) -> None:
        index = getattr(message.mark, "frame_index", -1)
        if index >= 10 and not silenced:
            silenced.append(index)
            broker.is_silent = True
            threading.Timer(0.5, broker.wake).start()
        if silenced and not broker.is_silent and index > silenced[0] + 60:
            rig.stop.set()

    broker.on_message = on_message
    found = rig.run()
    indices = [index for _, _, index in broker.frames()]
    assert indices == sorted(set(indices))
    dropped = found["frames"]["dropped_by_cause"]["drop_oldest"]
    gap = max(later - earlier for earlier, later in itertools.pairwise(indices))
    # How many depends on how busy the machine is.
    assert 1 < gap <= dropped + 1, "what was dropped lies in one piece, and fresh frames came after it"


def test_what_another_owns_is_not_opened_and_told_as_soon_as_it_is_ours(tmp_path: Path) -> None:
    broker, owners = Broker(), AllOurs()
    owners.others = {"door", "door/camera-1"}
    owners.first = 1_234_567
    rig = Rig(tmp_path, broker, owners=owners)
    rig.add("door", [20])
    rig.add("window", [5])

    def on_message(message: Message) -> None:
        if message.mark == StreamEnded(stand_id="window"):
            assert {each.stand_id for each in broker.log} == {"window"}
            owners.others = set()

    broker.on_message = on_message
    assert sorted(rig.run()["ended"]) == ["door", "window"]
    door = [each for each in broker.log if each.stand_id == "door"]
    assert [index for stand, _, index in broker.frames() if stand == "door"] == list(range(20))
    plays = [each.mark.start_us for each in door if isinstance(each.mark, Play)]
    assert {(start_us - 1_234_567) % 1_000_000 for start_us in plays} == {0}, "the other's plays go on"
    sent = {each.about.repeated for each in door if isinstance(each.mark, Play)}
    assert sent == {True}, "nobody here knows which of them the other has sent"
    ours = {each.about.repeated for each in broker.log if each.stand_id == "window"}
    assert ours == {False}


def test_a_stand_of_which_another_sends_a_camera_is_not_said_to_have_ended(tmp_path: Path) -> None:
    broker, owners = Broker(), AllOurs()
    owners.others = {"door/camera-9"}
    rig = Rig(tmp_path, broker, owners=owners)
    rig.add("door", [5])
    threading.Timer(0.6, owners.others.clear).start()
    assert rig.run()["ended"] == ["door"]
    owners.others = {"hall"}
    rig = Rig(tmp_path / "hall", broker, owners=owners)
    rig.add("hall", [5])
    found = rig.run()
    assert (found["ended"], found["plays"], found["frames"]["published"]) == ([], 0, 5)


def test_frames_wait_while_nobody_knows_whose_they_are(tmp_path: Path) -> None:
    broker, owners = Broker(), AllOurs()
    rig = Rig(tmp_path, broker, owners=owners)
    rig.add("door", [30])
    seen: list[int] = []

    def on_message(message: Message) -> None:
        if getattr(message.mark, "frame_index", None) == 10:
            owners.unknown = True
            threading.Timer(0.5, seen.append, [len(broker.log)]).start()
            threading.Timer(0.6, setattr, [owners, "unknown", False]).start()

    broker.on_message = on_message
    assert rig.run()["frames"]["dropped"] == 0
    assert [index for _, _, index in broker.frames()] == list(range(30))
    assert seen


def test_what_has_been_lost_to_another_is_not_sent_but_counted(tmp_path: Path) -> None:
    broker, owners, meter = Broker(), AllOurs(), SummingMeter()
    rig = Rig(tmp_path, broker, owners=owners, meter=meter)
    rig.add("door", [None], is_live=True, policy="drop_oldest")

    def on_message(message: Message) -> None:
        if getattr(message.mark, "frame_index", -1) >= 10 and not broker.is_silent:
            broker.is_silent = True
            owners.losses += 1

    broker.on_message = on_message
    with pytest.raises(OwnershipLostError):
        rig.run()
    lost = meter.sums["frames_dropped", "door", "camera-1", "not_owner"]
    assert lost > 0
    assert meter.sums["frames_captured", "door", "camera-1"] >= lost + len(broker.frames())


def test_brokers_that_do_not_let_us_agree_with_others_end_the_capture(tmp_path: Path) -> None:
    owners = AllOurs()
    owners.refusal = UsageError("give the right Read on the group")
    rig = Rig(tmp_path, Broker(), owners=owners)
    rig.add("door", [5])
    with pytest.raises(UsageError, match="Read on the group"):
        rig.run()


class SummingMeter(NoMeter):
    """Adds up what is counted, and keeps the latest of what is gauged."""

    def __init__(self) -> None:
        self.sums: Counter[tuple[str, ...]] = Counter()

    def count(self, name: CounterName, amount: float = 1, **labels: str) -> None:
        self.sums[(name, *labels.values())] += int(amount)


def test_the_metrics_end_where_the_summary_does(tmp_path: Path) -> None:
    broker, meter = Broker(), SummingMeter()
    options = PublishOptions(in_flight_messages=5, journal_every_s=0.001, flush_s=0.1)
    rig = Rig(tmp_path, broker, options=options, meter=meter)
    rig.add("door", [None], is_live=True, policy="drop_oldest")

    def on_message(message: Message) -> None:
        if getattr(message.mark, "frame_index", -1) >= 30 and not broker.is_silent:
            broker.is_silent = True
            threading.Timer(0.3, rig.stop.set).start()

    broker.on_message = on_message
    found = rig.run()
    causes = {key[3]: count for key, count in meter.sums.items() if key[0] == "frames_dropped"}
    assert causes == found["frames"]["dropped_by_cause"]
    assert {"drop_oldest", "unacknowledged"} <= set(causes)
    assert meter.sums["frames_captured", "door", "camera-1"] == found["frames"]["captured"]
    assert meter.sums["messages_published", "frames"] == found["frames"]["published"]
    assert meter.sums["messages_published", "plays"] == found["plays"]


def test_a_stopped_capture_says_no_end_and_counts_what_is_left(tmp_path: Path) -> None:
    broker = Broker()
    rig = Rig(tmp_path, broker)
    rig.add("door", [1000])

    def on_message(message: Message) -> None:
        if getattr(message.mark, "frame_index", None) == 20:
            broker.is_silent = True
            threading.Timer(0.1, rig.stop.set).start()

    broker.on_message = on_message
    found = rig.run()
    assert not any(isinstance(mark, StreamEnded) for mark in broker.events)
    assert found["frames"]["dropped_by_cause"]["unacknowledged"] > 0
    assert found["ended"] == []


@pytest.mark.parametrize("killed_at", [0, 7, 23])
def test_a_capture_that_goes_on_sends_what_an_undisturbed_one_would_have(
    tmp_path: Path, killed_at: int
) -> None:
    whole, first, second = Broker(), Broker(), Broker()
    for folder, broker in (("whole", whole), ("parts", first)):
        rig = Rig(tmp_path / folder, broker)
        rig.add("door", [40, 33])
        if broker is first:

            def kill(message: Message, rig: Rig = rig) -> None:
                if getattr(message.mark, "frame_index", None) == killed_at:
                    rig.stop.set()

            first.on_message = kill
        rig.run()
    again = Rig(tmp_path / "parts", second)
    again.add("door", [40, 33])
    found = again.run()
    frames = list(dict.fromkeys(first.frames() + second.frames()))
    assert frames == whole.frames()
    assert len(first.frames()) + len(second.frames()) == 73, "after a clean stop nothing is sent twice"
    assert found["frames"]["sent_before"] == len(first.frames())
    plays = [message for message in first.log + second.log if isinstance(message.mark, Play)]
    assert list(dict.fromkeys(m.mark for m in plays)) == [m for m in whole.events if isinstance(m, Play)]
    seen: set[object] = set()
    for message in plays:
        assert message.about.repeated or message.mark not in seen, "a play sent again says so"
        seen.add(message.mark)


def test_a_note_that_was_not_written_means_only_that_frames_come_twice(tmp_path: Path) -> None:
    whole, first, second = Broker(), Broker(), Broker()
    rig = Rig(tmp_path / "whole", whole)
    rig.add("door", [40])
    rig.run()
    slow = PublishOptions(journal_every_s=3600, flush_s=0.2)
    rig = Rig(tmp_path / "parts", first, options=slow)
    rig.add("door", [40])
    kept: list[bytes] = []
    journal = tmp_path / "parts" / "journal.json"

    def kill(message: Message) -> None:
        if getattr(message.mark, "frame_index", None) == 25:
            kept.append(journal.read_bytes())
            rig.stop.set()

    first.on_message = kill
    rig.run()
    journal.write_bytes(kept[0])  # as a kill at that moment would have left it
    again = Rig(tmp_path / "parts", second)
    again.add("door", [40])
    again.run()
    assert 40 < len(first.frames()) + len(second.frames()) < 60, "some came twice, not all"
    assert list(dict.fromkeys(first.frames() + second.frames())) == whole.frames()
    repeated = [m.mark for m in second.log if isinstance(m.mark, Play) and m.about.repeated]
    assert repeated == [m for m in first.events if isinstance(m, Play) and m in second.events]


def test_a_picture_that_does_not_fit_is_counted_and_the_stream_goes_on(tmp_path: Path) -> None:
    def encode_most(frame: Frame, lossless: bool) -> Encoded:
        if frame.frame_index == 3:
            raise BadPictureError("too_large", "it does not fit")
        return encode(frame, lossless)

    broker = Broker()
    rig = Rig(tmp_path, broker, encode=encode_most)
    rig.add("door", [6])
    found = rig.run()
    assert [index for _, _, index in broker.frames()] == [0, 1, 2, 4, 5]
    assert found["frames"]["dropped_by_cause"] == {"too_large": 1}
    assert found["ended"] == ["door"]


def test_a_stand_without_a_single_frame_has_no_end(tmp_path: Path) -> None:
    broker = Broker()
    rig = Rig(tmp_path, broker)
    rig.add("door", [0])
    assert rig.run()["ended"] == []
    assert broker.log == []


def test_a_refusal_ends_the_capture_with_its_words(tmp_path: Path) -> None:
    broker = Broker()

    def refuse(message: Message) -> None:
        raise UsageError("who are you?")

    broker.on_message = refuse
    rig = Rig(tmp_path, broker)
    rig.add("door", [6])
    with pytest.raises(UsageError, match="who are you"):
        rig.run()


def test_a_registry_that_is_away_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onlooker.capture.service._REGISTRY_AGAIN_S", 0.01)
    broker = Broker()
    rig = Rig(tmp_path, broker)
    rig.add("door", [2])
    asked = []
    encode_event = PlainCodec.encode

    def away_twice(self: PlainCodec, event: Any) -> bytes:
        asked.append(event)
        if len(asked) < 3:
            raise DependencyAwayError("no registry")
        return encode_event(self, event)

    monkeypatch.setattr(PlainCodec, "encode", away_twice)
    assert rig.run()["frames"]["published"] == 2
