"""The workers' desks without a broker: what follows from messages, what is set aside, what is known."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import numpy as np
import pytest

from processors.measure.aligned import AlignedMeasure
from processors.observe.keeping import CameraKeeper
from processors.observe.observer import CameraState
from processors.observe.stage import ObserveStage
from processors.runtime.work.aside import Aside
from processors.runtime.work.measure_desk import MeasureDesk
from processors.runtime.work.observe_desk import ObserveDesk
from processors.runtime.work.reading import Reader
from processors.runtime.work.stands import StandStates
from processors.runtime.work.traffic import Outgoing, Place, Received
from processors.thresholds import MeasureOptions
from schemas.dead_letters import DeadLetterOptions
from schemas.errors import BadPictureError, LimitReachedError
from schemas.events import DeadLetter, FaceObservations, FrameCaptured, StreamEnded
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


class Bench:
    """A desk with everything it needs, and messages for it."""

    def __init__(self, *, limit: DeadLetterOptions | None = None) -> None:
        self.counts = Counts()
        self.tools: dict[str, Any] = {
            "codec": CODEC,
            "reader": Reader(CODEC, lambda: NOW_US),
            "aside": Aside(
                "measure",
                NAMES,
                codec=CODEC,
                options=limit or DeadLetterOptions(),
                clock_us=lambda: NOW_US,
                meter=self.counts,
            ),
            "meter": self.counts,
        }
        self.kept: dict[str, bytes] = {}
        self.fold: Any = AlignedMeasure(MeasureOptions())
        self.states = StandStates("measure", self.fold, self.fold, self.kept.get)
        self.desk: Any = MeasureDesk(self.fold, self.states, **self.tools)
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
    bench = Bench()
    seen = frames("s", Camera(to_s=60, people=(LOOKER,)))
    messages = [bench.message("observations", each) for each in [*seen, StreamEnded(stand_id="s")]]
    out = bench.handle(*messages)
    assert {each.topic for each in out} == {"visits", "campaign_windows"}
    assert {(each.partition, each.key, each.captured_us) for each in out} == {(2, b"s", 7)}
    assert out[-1].cause == messages[-1].place
    assert bench.states.changed() == {"s": 2}


def test_what_a_checkpoint_covers_is_ignored_and_counted() -> None:
    bench = Bench()
    messages = [bench.message("observations", each) for each in frames("s", Camera(to_s=2))]
    bench.handle(*messages)
    bench.kept["s"] = bench.states.checkpoint("s")
    before = bench.states.state("s")
    bench.states.forget()
    assert bench.handle(*messages) == []
    assert bench.states.state("s") == before
    assert bench.counts.found["messages_ignored", "observations", "checkpointed"] == len(messages)


@pytest.mark.parametrize(
    ("value", "cause"),
    [(b"", "empty"), (b"noise", "not_framed"), (b"\x00\x00\x00\xff\xff", "unknown_schema")],
)
def test_what_cannot_be_read_is_set_aside_with_its_bytes(value: bytes, cause: str) -> None:
    bench = Bench()
    message = bench.message("observations", value)
    letter = letter_in(bench.handle(message))
    assert (letter.value, letter.topic, letter.offset) == (value, "mall.observations.v1", 0)
    assert letter.service == "measure"
    assert bench.counts.found["dead_letters", "observations", letter.cause] == 1
    assert letter.cause in (cause, "truncated")


def test_an_event_on_the_wrong_topic_or_under_a_wrong_key_is_set_aside() -> None:
    bench = Bench()
    (event, *_) = frames("s", Camera(to_s=1))
    assert letter_in(bench.handle(bench.message("plays", event))).cause == "wrong_type"
    assert letter_in(bench.handle(bench.message("observations", event, key=b"t"))).cause == "wrong_type"
    assert letter_in(bench.handle(bench.message("observations", event, key=None))).cause == "wrong_type"
    assert len(bench.states) == 0


def test_an_event_from_the_future_is_set_aside() -> None:
    bench = Bench()
    late = frames("s", Camera(to_s=1))[0]
    ahead = FaceObservations(
        **{name: getattr(late, name) for name in late.__struct_fields__} | {"t_us": NOW_US + 7_200_000_000}
    )
    assert letter_in(bench.handle(bench.message("observations", ahead))).cause == "future"


def test_a_fault_of_ours_costs_one_event_and_leaves_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    events = frames("s", Camera(to_s=1))[:3]
    first, second, third = (bench.message("observations", each) for each in events)
    bench.handle(first)
    before, step = bench.states.state("s"), bench.fold.step

    def poisoned(state: Any, event: Any) -> Any:
        if event == events[1]:
            raise ZeroDivisionError("a fault")
        return step(state, event)

    monkeypatch.setattr(bench.fold, "step", poisoned)
    letter = letter_in(bench.handle(second))
    assert letter.cause == "failed"
    assert "ZeroDivisionError: a fault" in letter.detail
    assert "test_agents_desks.py" in letter.detail
    assert bench.states.state("s") == before
    assert bench.states.covers("s", second.place)
    assert bench.handle(third) == []
    assert bench.states.state("s") != before


def test_too_many_bad_messages_stop_the_service() -> None:
    bench = Bench(limit=DeadLetterOptions(max_consecutive=3))
    bench.handle(*(bench.message("observations", b"noise") for _ in range(3)))
    with pytest.raises(LimitReachedError) as stopped:
        bench.handle(bench.message("observations", b"noise"))
    assert stopped.value.exit_code == 4


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


class Observing(Bench):
    """A bench that looks at pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.observer = Seeing()
        self.fold = ObserveStage(cast(Any, self.observer), "models-1")
        self.states = StandStates("observe", self.fold, CameraKeeper(), self.kept.get)
        self.desk = ObserveDesk(self.fold, self.states, **self.tools).looking_with(
            decode, ThreadPoolExecutor(2)
        )

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
    bench = Observing()
    shots = [bench.frame(index, camera) for index in range(8) for camera in ("c", "d")]
    out = bench.handle(*shots)
    assert indices(out) == [(camera, index) for index in range(8) for camera in ("c", "d")]
    assert [each.cause for each in out] == [shot.place for shot in shots]
    for camera in ("c", "d"):
        times = [t_us for name, t_us in bench.observer.saw if name == camera]
        assert times == sorted(times)


def test_the_end_of_a_stream_follows_its_frames() -> None:
    bench = Observing()
    out = bench.handle(bench.frame(0), bench.message("frames", StreamEnded(stand_id="s")))
    events = [CODEC.decode(each.value) for each in out]
    assert isinstance(events[0], FaceObservations)
    assert events[1] == StreamEnded(stand_id="s")
    assert {each.topic for each in out} == {"observations"}


def test_a_frame_that_is_sent_again_is_looked_at_once() -> None:
    """Capture sends frames again after a crash: with new offsets."""
    bench = Observing()
    bench.handle(bench.frame(0), bench.frame(1))
    out = bench.handle(bench.frame(0), bench.frame(1), bench.frame(2))
    assert indices(out) == [("c", 2)]
    assert bench.counts.found["messages_ignored", "frames", "resent"] == 2


def test_a_frame_that_is_sent_again_after_a_restart_is_known_too() -> None:
    bench = Observing()
    bench.handle(bench.frame(0), bench.frame(1))
    bench.kept["s"] = bench.states.checkpoint("s")
    bench.states.forget()
    assert bench.handle(bench.frame(1)) == []


def test_a_camera_whose_clock_was_set_back_begins_anew() -> None:
    bench = Observing()
    bench.handle(bench.frame(10_000))
    assert indices(bench.handle(bench.frame(0), bench.frame(1))) == [("c", 0), ("c", 1)]


def test_a_broken_picture_is_set_aside_and_the_others_go_on() -> None:
    bench = Observing()
    first, *rest = bench.handle(bench.frame(0, picture=b"bad"), bench.frame(1))
    letter = letter_in([first])
    assert letter.cause == "bad_picture"
    assert "damaged" in letter.detail
    assert indices(rest) == [("c", 1)]


def test_a_fault_in_looking_costs_one_frame_of_one_camera() -> None:
    bench = Observing()
    shots = [bench.frame(0), bench.frame(1, picture=b"B"), bench.frame(2), bench.frame(0, "d")]
    out: Mapping[int, Outgoing] = {each.cause.offset: each for each in bench.handle(*shots)}
    letter = letter_in([out[1]])
    assert letter.cause == "failed"
    assert "ValueError: a fault" in letter.detail
    assert indices([out[0], out[2], out[3]]) == [("c", 0), ("c", 2), ("d", 0)]
