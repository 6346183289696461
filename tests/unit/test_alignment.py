"""A worker hands plays to MEASURE exactly when the embedded run does, however early they were published."""

import asyncio
import time
from typing import Any, cast

import pytest
from faust.types import TP

from processors.measure.aligned import AlignedMeasure, AlignedState
from processors.measure.stage import MeasureStage
from processors.runtime.agents.asking import Asking
from processors.runtime.agents.order import Gate, HeldBack
from processors.runtime.local import Delivery, LocalRuntime
from processors.runtime.work.traffic import Place, Received
from processors.thresholds import MeasureOptions
from schemas.errors import UsageError
from schemas.events import MeasureInput, Play, StreamEnded, VisitEnded, WindowClosed
from tests.facts import FakeClock
from tests.replay.measure_scenes import Camera, Person, Showing, frames, play
from tests.streams import StreamOptions, synthetic

LOOKER = Person(track="a", from_s=1, to_s=40, looks=((2, 30),))


def driven(events: list[MeasureInput]) -> tuple[dict[str, AlignedState], list[Any]]:
    fold = AlignedMeasure(MeasureOptions())
    states: dict[str, AlignedState] = {}
    facts: list[Any] = []
    for event in events:
        state = states.get(event.stand_id) or fold.new_state(event.stand_id)
        states[event.stand_id], follow = fold.step(state, event)
        facts += follow
    return states, facts


def embedded(events: list[MeasureInput]) -> list[Any]:
    facts: list[Any] = []

    def take(delivery: Delivery) -> None:
        if isinstance(delivery.event, VisitEnded | WindowClosed):
            facts.append(delivery.event)

    runtime = LocalRuntime({"measure": MeasureStage(MeasureOptions())}, take)
    for event in events:
        runtime.publish("plays" if isinstance(event, Play) else "observations", event.stand_id, event)
    return facts


@pytest.mark.parametrize("ahead", [1, 7, 1000])
def test_plays_published_ahead_give_the_facts_of_the_embedded_run(ahead: int) -> None:
    """Plays come before any of the `ahead` observations that precede them."""
    events = list(synthetic(StreamOptions(observations=3000, stands=2)))
    early = sorted(enumerate(events), key=lambda pair: pair[0] - (ahead + 0.5) * isinstance(pair[1], Play))
    shuffled = [event for _, event in early]
    assert shuffled != events
    _, facts = driven(shuffled)
    assert len(facts) > 20
    assert facts == embedded(events)


def test_a_play_waits_for_the_first_frame_at_its_start() -> None:
    shown = play("s", Showing(creative="k", from_s=5, to_s=15))
    before = [each for each in frames("s", Camera(to_s=20)) if each.t_us < shown.start_us]
    first = next(each for each in frames("s", Camera(to_s=20)) if each.t_us >= shown.start_us)
    states, _ = driven([shown, *before])
    assert states["s"].held == (shown,)
    assert states["s"].stand.plays == ()
    states, _ = driven([shown, *before, first])
    assert states["s"].held == ()
    assert states["s"].stand.plays == (shown,)


def test_a_late_play_goes_straight_in() -> None:
    shown = play("s", Showing(creative="k", from_s=5, to_s=15))
    states, _ = driven([*frames("s", Camera(to_s=20)), shown])
    assert states["s"].stand.plays == (shown,)


def test_a_play_that_is_held_twice_is_held_once() -> None:
    shown = play("s", Showing(creative="k", from_s=5, to_s=15))
    states, _ = driven([shown, shown])
    assert states["s"].held == (shown,)


def test_a_play_after_the_last_frame_changes_nothing_at_the_end() -> None:
    seen: list[MeasureInput] = [
        play("s", Showing(creative="k", from_s=0, to_s=10)),
        *frames("s", Camera(to_s=30, people=(LOOKER,))),
    ]
    later = play("s", Showing(creative="k", from_s=31, to_s=60))
    ended = StreamEnded(stand_id="s")
    _, with_later = driven([*seen, later, ended])
    _, without = driven([*seen, ended])
    assert without
    assert with_later == without


def test_the_state_comes_back_equal_with_its_held_plays() -> None:
    shown = play("s", Showing(creative="k", from_s=50, to_s=60))
    states, _ = driven([shown, *frames("s", Camera(to_s=30, people=(LOOKER,)))])
    fold = AlignedMeasure(MeasureOptions())
    assert states["s"].held
    assert fold.restored(fold.kept(states["s"])) == states["s"]
    with pytest.raises(UsageError, match="damaged"):
        fold.restored(b"\xc1")


def test_the_gate_opens_when_the_plays_were_read_to_their_end() -> None:
    gate = Gate()
    gate.begin({0: 5, 1: 0})
    gate.want({0: 5, 1: 2})
    assert gate.missing() == {1: 2}
    gate.read(1, 1)
    assert gate.missing() == {1: 2}
    gate.read(1, 2)
    assert gate.missing() == {}


class Offsets:
    """Brokers that say where the plays end."""

    def __init__(self, ends: dict[int, int]) -> None:
        self.ends_by_partition = ends
        self.read_to: dict[int, int] = {}
        self.again: list[dict[TP, int]] = []

    async def ends(self, tps: list[TP]) -> dict[TP, int]:
        return {tp: self.ends_by_partition[tp.partition] for tp in tps}

    async def positions(self, tps: list[TP]) -> dict[TP, int]:
        return {tp: self.read_to[tp.partition] for tp in tps}

    async def read_again(self, offsets: dict[TP, int]) -> None:
        self.again.append(offsets)


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processors.runtime.agents.order.EVERY_S", 0.0)


def held_back(brokers: Offsets) -> HeldBack:
    """Observations wait for plays."""
    return HeldBack(cast(Asking, brokers), "plays", "plays", clock_s=time.monotonic)


def message(topic: Any, partition: int, offset: int) -> Received:
    return Received(place=Place(topic=topic, partition=partition, offset=offset), key=b"s", value=b"")


def test_observations_wait_for_the_plays_of_their_partition_only() -> None:
    order = held_back(Offsets({0: 1, 1: 3}))
    order.begin({TP("plays", 0): 1, TP("plays", 1): 2})
    free, waiting = message("observations", 0, 9), message("observations", 1, 4)
    assert asyncio.run(order.admitted([free, waiting])) == [free]
    assert not order.is_empty
    order.read([message("plays", 1, 2)])
    assert asyncio.run(order.admitted([])) == [waiting]
    assert order.is_empty


def test_plays_are_asked_for_by_the_clock_that_was_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processors.runtime.agents.order.EVERY_S", 5.0)
    clock, brokers = FakeClock(), Offsets({0: 1, 1: 0})
    clock.sleep(100)
    order = HeldBack(cast(Asking, brokers), "plays", "plays", clock_s=clock.now_s)
    order.begin({TP("plays", 0): 0, TP("observations", 0): 7})
    assert asyncio.run(order.admitted([message("observations", 0, 1)])) == []
    assert asyncio.run(order.admitted([message("observations", 1, 1)])) == []
    assert order.rest_s == 5.0
    clock.sleep(4)
    assert order.rest_s == 1.0
    clock.sleep(1)
    assert asyncio.run(order.admitted([])) == [message("observations", 1, 1)]
    clock.sleep(1.5)
    assert asyncio.run(order.admitted([])) == []
    assert brokers.again == [{TP("plays", 0): 0}], "longer than PATIENCE_S"


def test_observations_fetched_while_others_wait_are_asked_for_anew() -> None:
    """Between the two questions another play was published: the second observation may show it."""
    brokers = Offsets({0: 1})
    order = held_back(brokers)
    order.begin({TP("plays", 0): 0})
    first, second = message("observations", 0, 1), message("observations", 0, 2)
    assert asyncio.run(order.admitted([first])) == []
    brokers.ends_by_partition[0] = 2
    assert asyncio.run(order.admitted([second])) == []
    order.read([message("plays", 0, 0)])
    assert asyncio.run(order.admitted([])) == [first]
    assert order.rest_s is not None
    assert asyncio.run(order.admitted([])) == []
    order.read([message("plays", 0, 1)])
    assert asyncio.run(order.admitted([])) == [second]


def test_offsets_without_a_play_do_not_hold_observations_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processors.runtime.agents.order.PATIENCE_S", 0.0)
    brokers = Offsets({0: 4})
    brokers.read_to[0] = 4
    order = held_back(brokers)
    order.begin({TP("plays", 0): 3})
    only = message("observations", 0, 1)
    entered = [*asyncio.run(order.admitted([only]))]
    rounds = 0
    while not entered:
        assert not order.is_empty
        entered += asyncio.run(order.admitted([]))
        rounds += 1
    assert entered == [only]
    assert order.is_empty
    assert 10 <= rounds <= 12
    assert brokers.again == [{TP("plays", 0): 3}] * 3, "they may have been fetched and dropped"


def test_plays_that_come_when_read_again_enter_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The consumer stands behind the play, which a change of assignment has swallowed."""
    monkeypatch.setattr("processors.runtime.agents.order.PATIENCE_S", 0.0)
    brokers = Offsets({0: 4})
    brokers.read_to[0] = 4
    order = held_back(brokers)
    order.begin({TP("plays", 0): 3})
    only = message("observations", 0, 1)
    assert [asyncio.run(order.admitted(each)) for each in ([only], [], [])] == [[], [], []]
    assert brokers.again == [{TP("plays", 0): 3}]
    order.read([message("plays", 0, 3)])
    assert asyncio.run(order.admitted([])) == [only]
