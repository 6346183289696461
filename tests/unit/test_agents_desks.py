"""The workers' desks without a broker: what follows from messages, what is set aside, what is known."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import msgspec
import numpy as np
import pytest

from onlooker.telemetry.meter import PrometheusMeter
from onlooker.telemetry.pulse import Limits, ProgressPulse
from processors.measure.aligned import AlignedMeasure
from processors.observe.captured import CapturedFrames
from processors.observe.keeping import CameraKeeper
from processors.observe.observer import CameraState
from processors.observe.stage import ObserveStage
from processors.runtime.work.aside import Aside
from processors.runtime.work.fold_desk import FoldDesk
from processors.runtime.work.observe_desk import ObserveDesk
from processors.runtime.work.stands import StandStates
from processors.runtime.work.tools import DeskTools
from processors.runtime.work.traffic import Outgoing, Place, Received
from processors.thresholds import MeasureOptions
from schemas.dead_letters import DeadLetterOptions
from schemas.errors import BadPictureError, LimitReachedError
from schemas.events import DeadLetter, FaceObservations, FrameCaptured, StreamEnded
from schemas.letter_limits import LetterLimits
from schemas.metrics import NoMeter
from schemas.ports import Pixels
from schemas.topics import Topic, TopicNames
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry
from tests.replay.measure_scenes import Camera, Person, frames

NAMES = TopicNames(prefix="mall")
CODEC = AvroCodec(FileRegistry(), NAMES)
NOW_US = 1_800_000_000_000_000
LOOKER = Person(track="a", from_s=1, to_s=40, looks=((2, 30),))
PERIOD_US = 100_000


class Counts(NoMeter):
    """Remembers what was counted."""

    def __init__(self) -> None:
        self.found: Counter[tuple[str, ...]] = Counter()

    def count(self, name: Any, amount: float = 1, **labels: str) -> None:
        self.found[name, *labels.values()] += int(amount)


class Post:
    """A desk with everything it needs, and messages for it."""

    def __init__(self, *, limit: DeadLetterOptions | None = None) -> None:
        self.counts = Counts()
        self.now_s = 0.0
        self.pulse = ProgressPulse(PrometheusMeter(), clock=lambda: self.now_s, limits=Limits())
        aside = Aside(
            "measure",
            NAMES,
            codec=CODEC,
            limits=LetterLimits(limit or DeadLetterOptions(), self.pulse),
            clock_us=lambda: NOW_US,
            meter=self.counts,
        )
        self.tools = DeskTools(
            codec=CODEC, aside=aside, meter=self.counts, pulse=self.pulse, clock_us=lambda: NOW_US
        )
        self.kept: dict[str, bytes] = {}
        self.fold: Any = AlignedMeasure(MeasureOptions())
        self.states = StandStates("measure", self.fold, self.fold, self.kept.get, meter=self.counts)
        self.desk: Any = FoldDesk(self.fold, self.states, self.tools)
        self.ends: Counter[Topic] = Counter()

    def message(self, topic: Topic, event: Any, **changes: Any) -> Received:
        """The next message of a topic."""
        place = Place(topic=topic, partition=2, offset=self.ends[topic])
        self.ends[topic] += 1
        value = event if isinstance(event, bytes) else CODEC.encode(event)
        key = b"s" if isinstance(event, bytes) else event.stand_id.encode()
        values: dict[str, Any] = {"place": place, "key": key, "value": value, "captured_us": 7}
        return Received(**values | changes)

    def handle(self, *messages: Received) -> list[Outgoing]:
        found: list[Outgoing] = asyncio.run(self.desk.handle(messages))
        return found


def letter_in(outgoing: Sequence[Outgoing]) -> DeadLetter:
    (only,) = outgoing
    assert (only.topic, only.partition) == ("dead_letters", 2)
    letter = CODEC.decode(only.value)
    assert isinstance(letter, DeadLetter)
    return letter


def test_facts_go_to_the_partition_of_their_cause() -> None:
    post = Post()
    seen = frames("s", Camera(to_s=60, people=(LOOKER,)))
    messages = [post.message("observations", each) for each in [*seen, StreamEnded(stand_id="s")]]
    out = post.handle(*messages)
    assert {each.topic for each in out} == {"visits", "campaign_windows"}
    assert {(each.partition, each.key, each.captured_us) for each in out} == {(2, b"s", 7)}
    assert out[-1].cause == messages[-1].place
    assert post.states.changed() == {"s": 2}


def test_what_a_checkpoint_covers_is_ignored_and_counted() -> None:
    post = Post()
    messages = [post.message("observations", each) for each in frames("s", Camera(to_s=2))]
    post.handle(*messages)
    post.kept["s"] = post.states.checkpoint("s")
    before = post.states.state("s")
    post.states.forget()
    assert post.handle(*messages) == []
    assert post.states.state("s") == before
    assert post.counts.found["messages_ignored", "observations", "checkpointed"] == len(messages)


def test_a_worker_that_ignores_all_that_comes_is_not_healthy() -> None:
    post = Post()
    messages = [post.message("observations", each) for each in frames("s", Camera(to_s=9))]
    post.handle(*messages)
    for message in messages:
        post.now_s += 1
        post.pulse.beat("work")
        assert post.handle(message) == []
    assert "as checkpointed" in post.pulse.health().in_vain["observations"]
    post.handle(post.message("observations", frames("s", Camera(from_s=9, to_s=10))[0]))
    assert post.pulse.health().ready


def test_observations_that_are_known_or_late_are_in_vain_too() -> None:
    """Sent again with new offsets they pass the checkpoint, and the fold knows them."""
    post = Post()
    seen = frames("s", Camera(to_s=9))
    post.handle(*(post.message("observations", each) for each in seen))
    for each in seen:
        post.now_s += 1
        post.pulse.beat("work")
        post.handle(post.message("observations", each))
    assert "as known" in post.pulse.health().in_vain["observations"]
    hours = frames("s", Camera(from_s=7_200, to_s=7_201))
    post.handle(*(post.message("observations", each) for each in hours))
    post.handle(post.message("observations", seen[0]))
    assert post.counts.found["messages_ignored", "observations", "late"] == 1


@pytest.mark.parametrize(
    ("value", "cause"),
    [(b"", "empty"), (b"noise", "not_framed"), (b"\x00\x00\x00\xff\xff", "unknown_schema")],
)
def test_what_cannot_be_read_is_set_aside_with_its_bytes(value: bytes, cause: str) -> None:
    post = Post()
    message = post.message("observations", value)
    letter = letter_in(post.handle(message))
    assert (letter.value, letter.topic, letter.offset) == (value, "mall.observations.v1", 0)
    assert letter.service == "measure"
    assert post.counts.found["dead_letters", "observations", letter.cause] == 1
    assert letter.cause in (cause, "truncated")


def test_an_event_on_the_wrong_topic_or_under_a_wrong_key_is_set_aside() -> None:
    post = Post()
    (event, *_) = frames("s", Camera(to_s=1))
    assert letter_in(post.handle(post.message("plays", event))).cause == "wrong_type"
    assert letter_in(post.handle(post.message("observations", event, key=b"t"))).cause == "wrong_type"
    assert letter_in(post.handle(post.message("observations", event, key=None))).cause == "wrong_type"
    assert len(post.states) == 0


def test_an_event_from_the_future_is_set_aside() -> None:
    post = Post()
    late = frames("s", Camera(to_s=1))[0]
    ahead = FaceObservations(
        **{name: getattr(late, name) for name in late.__struct_fields__} | {"t_us": NOW_US + 7_200_000_000}
    )
    assert letter_in(post.handle(post.message("observations", ahead))).cause == "future"


def test_a_fault_of_ours_costs_one_event_and_leaves_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    post = Post()
    events = frames("s", Camera(to_s=1))[:3]
    first, second, third = (post.message("observations", each) for each in events)
    post.handle(first)
    before, step = post.states.state("s"), post.fold.step

    def poisoned(state: Any, event: Any) -> Any:
        if event == events[1]:
            raise ZeroDivisionError("a fault")
        return step(state, event)

    monkeypatch.setattr(post.fold, "step", poisoned)
    letter = letter_in(post.handle(second))
    assert letter.cause == "failed"
    assert "ZeroDivisionError: a fault" in letter.detail
    assert "test_agents_desks.py" in letter.detail
    assert post.states.state("s") == before
    assert post.states.covers("s", second.place)
    assert post.handle(third) == []
    assert post.states.state("s") != before


def test_too_many_bad_messages_stop_the_service() -> None:
    post = Post(limit=DeadLetterOptions(max_consecutive=3))
    post.handle(*(post.message("observations", b"noise") for _ in range(3)))
    with pytest.raises(LimitReachedError) as stopped:
        post.handle(post.message("observations", b"noise"))
    assert stopped.value.exit_code == 4


def test_a_stand_whose_clock_is_ahead_is_set_aside_and_the_others_are_measured() -> None:
    post = Post(limit=DeadLetterOptions(max_consecutive=20, window=40))
    seen = frames("s", Camera(to_s=70, people=(LOOKER,)))
    ahead = frames("t", Camera(to_s=70), start_us=NOW_US + 10_800_000_000)
    mixed = [post.message("observations", each) for pair in zip(seen, ahead, strict=True) for each in pair]
    out = post.handle(*mixed)
    letters = [CODEC.decode(each.value) for each in out if each.topic == "dead_letters"]
    assert {(each.cause, each.key) for each in letters} == {("future", b"t")}
    assert post.counts.found["dead_letters", "observations", "future"] == len(ahead) == len(letters)
    assert any(each.topic == "campaign_windows" and each.key == b"s" for each in out)
    (name,) = post.pulse.health().set_aside
    assert name == "t in observations"
    right = msgspec.structs.replace(ahead[0], t_us=NOW_US)
    post.handle(post.message("observations", right))
    assert not post.pulse.health().set_aside


def test_a_desk_that_gives_its_stands_away_says_no_more_of_them() -> None:
    post = Post(limit=DeadLetterOptions(max_consecutive=3))
    (good, *_) = frames("s", Camera(to_s=1))
    ahead = frames("t", Camera(to_s=1), start_us=NOW_US + 10_800_000_000)
    post.handle(post.message("observations", good), *(post.message("observations", each) for each in ahead))
    assert post.pulse.health().set_aside
    post.desk.forget()
    assert not post.pulse.health().set_aside
    assert len(post.states) == 0


class Seeing:
    """An observer that remembers which frames it saw, and chokes on some."""

    def __init__(self) -> None:
        self.saw: list[tuple[str, int]] = []

    def step(self, state: CameraState, picture: Pixels, t_us: int) -> tuple[CameraState, tuple[()]]:
        self.saw.append((state.camera_id, t_us))
        if picture[0, 0, 0] == 66:
            raise ValueError("a fault")
        return CameraState(stand_id=state.stand_id, camera_id=state.camera_id, last_us=t_us), ()


def decode(data: bytes) -> Pixels:
    if data == b"bad":
        raise BadPictureError("damaged", "it is cut short")
    return np.full((4, 6, 3), data[0], dtype=np.uint8)


class Observing(Post):
    """One that looks at pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.observer = Seeing()
        self.fold = ObserveStage(cast(Any, self.observer), "models-1")
        self.states = StandStates("observe", self.fold, CameraKeeper(), self.kept.get, meter=self.counts)
        frames = CapturedFrames(self.fold, decode)
        self.desk = ObserveDesk(frames, self.states, self.tools, executor=ThreadPoolExecutor(2))

    def frame(self, index: int, camera: str = "c", picture: bytes = b"x", stand: str = "s") -> Received:
        event = FrameCaptured(
            stand_id=stand,
            camera_id=camera,
            frame_index=index,
            t_us=1_700_000_000_000_000 + index * PERIOD_US,
            width_px=6,
            height_px=4,
            encoding="jpeg",
            picture=picture,
        )
        return self.message("frames", event)


def indices(outgoing: Sequence[Outgoing]) -> list[tuple[str, int]]:
    events: list[Any] = [CODEC.decode(each.value) for each in outgoing]
    return [(each.camera_id, each.frame_index) for each in events]


def test_observations_come_in_the_order_of_their_frames() -> None:
    post = Observing()
    shots = [post.frame(index, camera) for index in range(8) for camera in ("c", "d")]
    out = post.handle(*shots)
    assert indices(out) == [(camera, index) for index in range(8) for camera in ("c", "d")]
    assert [each.cause for each in out] == [shot.place for shot in shots]
    for camera in ("c", "d"):
        times = [t_us for name, t_us in post.observer.saw if name == camera]
        assert times == sorted(times)


def test_the_end_of_a_stream_follows_its_frames() -> None:
    post = Observing()
    out = post.handle(post.frame(0), post.message("frames", StreamEnded(stand_id="s")))
    events = [CODEC.decode(each.value) for each in out]
    assert isinstance(events[0], FaceObservations)
    assert events[1] == StreamEnded(stand_id="s")
    assert {each.topic for each in out} == {"observations"}


def test_a_frame_that_is_sent_again_is_looked_at_once() -> None:
    """Capture sends frames again after a crash: with new offsets."""
    post = Observing()
    post.handle(post.frame(0), post.frame(1))
    out = post.handle(post.frame(0), post.frame(1), post.frame(2))
    assert indices(out) == [("c", 2)]
    assert post.counts.found["messages_ignored", "frames", "resent"] == 2


def test_frames_that_are_all_sent_again_are_in_vain() -> None:
    post = Observing()
    post.handle(*(post.frame(index) for index in range(90)))
    for index in range(90):
        post.now_s += 1
        post.pulse.beat("work")
        post.handle(post.frame(index))
    assert "as resent" in post.pulse.health().in_vain["frames"]
    post.handle(post.frame(90))
    assert post.pulse.health().ready


def test_a_letter_names_the_topic_that_its_message_lay_in() -> None:
    ids = set()
    for incarnation in ("one", "two", "two"):
        post = Post()
        place = Place(topic="plays", partition=2, offset=0, incarnation=incarnation)
        message = msgspec.structs.replace(post.message("plays", b"noise"), place=place)
        ids.add(letter_in(post.handle(message)).letter_id)
    assert len(ids) == 2


def test_a_frame_that_is_sent_again_after_a_restart_is_known_too() -> None:
    post = Observing()
    post.handle(post.frame(0), post.frame(1))
    post.kept["s"] = post.states.checkpoint("s")
    post.states.forget()
    assert post.handle(post.frame(1)) == []


def test_a_camera_whose_clock_was_set_back_begins_anew() -> None:
    post = Observing()
    post.handle(post.frame(10_000))
    assert indices(post.handle(post.frame(0), post.frame(1))) == [("c", 0), ("c", 1)]


def test_a_broken_picture_is_set_aside_and_the_others_go_on() -> None:
    post = Observing()
    first, *rest = post.handle(post.frame(0, picture=b"bad"), post.frame(1))
    letter = letter_in([first])
    assert letter.cause == "bad_picture"
    assert "damaged" in letter.detail
    assert indices(rest) == [("c", 1)]


def test_a_fault_in_looking_costs_one_frame_of_one_camera() -> None:
    post = Observing()
    shots = [post.frame(0), post.frame(1, picture=b"B"), post.frame(2), post.frame(0, "d")]
    out: Mapping[int, Outgoing] = {each.cause.offset: each for each in post.handle(*shots)}
    letter = letter_in([out[1]])
    assert letter.cause == "failed"
    assert "ValueError: a fault" in letter.detail
    assert indices([out[0], out[2], out[3]]) == [("c", 0), ("c", 2), ("d", 0)]
