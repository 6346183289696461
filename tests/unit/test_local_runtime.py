"""The embedded runtime: events reach the stages that read their topic, keyed by stand, offsets counted."""

from typing import Any

from processors.runtime.local import LocalRuntime
from processors.topology import TOPOLOGY
from schemas.events import FaceObservations, Play, StreamEnded, WindowClosed
from schemas.ids import derive_id
from tests.facts import T0_US, play, visit_ended
from tests.third_stage import TALLY, Tallied, Tally


class Counting:
    """A fold that counts its events and passes frames on as observations."""

    def __init__(self, passes_on: bool) -> None:
        self.passes_on = passes_on

    def new_state(self, stand_id: str) -> tuple[str, int]:
        return stand_id, 0

    def step(self, state: tuple[str, int], event: Any) -> tuple[tuple[str, int], tuple[Any, ...]]:
        stand, count = state
        follow = (observation(stand, count),) if self.passes_on else ()
        return (stand, count + 1), follow


def observation(stand: str, index: int) -> FaceObservations:
    return FaceObservations(
        observation_id=derive_id("observation", stand, index),
        stand_id=stand,
        camera_id="c",
        frame_index=index,
        t_us=index,
        width_px=1,
        height_px=1,
    )


def test_events_reach_the_stages_that_read_their_topic() -> None:
    delivered: list[tuple[str, str, int]] = []
    runtime = LocalRuntime(
        {"observe": Counting(True), "measure": Counting(False)},
        lambda each: delivered.append((each.topic, each.stand_id, each.offset)),
    )
    play = Play(
        play_id=derive_id("play", 1), stand_id="a", campaign_id="c", creative_id="k", start_us=0, end_us=1
    )
    runtime.publish("frames", "a", object())
    runtime.publish("frames", "b", object())
    runtime.publish("plays", "a", play)
    runtime.publish("observations", "b", StreamEnded(stand_id="b"))
    assert delivered == [
        ("frames", "a", 0),
        ("observations", "a", 0),
        ("frames", "b", 1),
        ("observations", "b", 1),
        ("plays", "a", 0),
        ("observations", "b", 2),
    ]
    assert runtime.state("observe", "a") == ("a", 1)
    assert runtime.state("measure", "a") == ("a", 2)
    assert runtime.state("measure", "b") == ("b", 2)
    assert runtime.state("measure", "nowhere") is None


class Visiting:
    """A MEASURE that sees a visit in every observation."""

    def new_state(self, stand_id: str) -> int:
        return 0

    def step(self, state: int, event: Any) -> tuple[int, tuple[Any, ...]]:
        if isinstance(event, Play):
            return state, ()
        return state + 1, (visit_ended(f"v{state}", stand_id=event.stand_id, started_us=T0_US + 1),)


def test_a_third_stage_is_an_entry_and_a_fold() -> None:
    delivered: list[Any] = []
    runtime = LocalRuntime(
        {"measure": Visiting(), "tally": Tally()},
        lambda each: delivered.append(each.event),
        (*TOPOLOGY, TALLY),
    )
    runtime.publish("observations", "a", observation("a", 0))
    runtime.publish("plays", "a", play(stand_id="a"))
    runtime.publish("observations", "a", observation("a", 1))
    runtime.publish("frames", "a", object())
    windows = [each for each in delivered if isinstance(each, WindowClosed)]
    assert [(each.start_us, each.observed_us) for each in windows] == [(1, 0), (2, 1)]
    assert runtime.state("tally", "a") == Tallied(stand_id="a", plays=(T0_US,), visits=2)
    assert runtime.state("observe", "a") is None, "a stage without a fold is left out"


def test_a_stage_waits_only_for_what_it_reads() -> None:
    assert len({stage.name for stage in TOPOLOGY}) == len(TOPOLOGY)
    assert all(stage.waits_for in (None, *stage.reads) for stage in TOPOLOGY)


def test_every_topic_a_stage_reads_is_written_by_another_or_comes_from_outside() -> None:
    written = {topic for stage in TOPOLOGY for topic in stage.writes}
    outside = {"frames", "plays"}
    assert {topic for stage in TOPOLOGY for topic in stage.reads} <= written | outside
