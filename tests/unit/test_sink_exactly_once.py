"""Killed at any step, fenced at any step, away at any step: no row is lost, none is written twice."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import BrokerAwayError, CheckFailedError, DependencyAwayError, LimitReachedError
from sinks.service.feed import Committed
from tests.sink_model import Killed, World, appended, rows_of_facts

FACTS = [(number, 1) for number in range(40)]


class DiesAt:
    """Kills the process at one of its steps."""

    def __init__(self, step: int) -> None:
        self._left = step
        self.steps: list[str] = []

    def __call__(self, step: str) -> None:
        self.steps.append(step)
        self._left -= 1
        if self._left < 0:
            raise Killed(step)


def run_until_killed(world: World, step: int) -> list[str]:
    trouble = DiesAt(step)
    with pytest.raises(Killed):
        world.turns(world.sink(trouble), 1000)
    return trouble.steps


def assert_exact(world: World, facts: list[tuple[int, int]]) -> None:
    assert world.store.visits() == rows_of_facts(facts)
    assert world.store.exposures() == rows_of_facts(facts)


@given(kills=st.lists(st.integers(0, 40), max_size=8), partitions=st.integers(1, 3), seed=st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_killed_at_any_steps_every_fact_is_written_once(kills: list[int], partitions: int, seed: int) -> None:
    world, chance = World(partitions), random.Random(seed)
    for number, version in FACTS:
        world.log.append(f"{number}:{version}".encode(), partition=chance.randrange(partitions))
    for step in kills:
        run_until_killed(world, step)
    world.end()
    assert_exact(world, FACTS)


def test_the_kills_hit_every_kind_of_step() -> None:
    world = World()
    appended(world.log, FACTS)
    seen = set(run_until_killed(world, 60))
    for table in ("exposures", "visits", "sink_batches"):
        assert {f"before {table}", f"after {table}"} <= seen
    assert {"before commit", "after commit", "poll", "committed"} <= seen


@given(step=st.integers(0, 60), more=st.integers(0, 20))
@settings(max_examples=50, deadline=None)
def test_a_zombie_that_wakes_at_any_step_writes_nothing_twice(step: int, more: int) -> None:
    """The zombie stands still inside a step while another sink does all its work, then goes on."""
    world = World()
    appended(world.log, FACTS)

    class Sleeps:
        left = step

        def __call__(self, name: str) -> None:
            self.left -= 1
            if self.left == -1:
                woken = world.store.trouble
                world.turns(world.sink(), more)
                world.store.trouble = woken

    world.turns(world.sink(Sleeps()), 40)
    world.end()
    assert_exact(world, FACTS)


@given(refused=st.frozensets(st.integers(0, 80), max_size=30), away=st.sampled_from(["kafka", "clickhouse"]))
@settings(max_examples=50, deadline=None)
def test_servers_that_are_away_are_waited_for(refused: frozenset[int], away: str) -> None:
    world = World()
    appended(world.log, FACTS)
    steps = 0

    def trouble(step: str) -> None:
        nonlocal steps
        steps += 1
        kafka = step in ("poll", "committed", "before commit", "after commit")
        if steps in refused and kafka == (away == "kafka"):
            raise BrokerAwayError("away") if kafka else DependencyAwayError("away")

    world.turns(world.sink(trouble), 120)
    assert_exact(world, FACTS)


def test_a_registry_that_is_away_is_waited_for() -> None:
    world = World()
    appended(world.log, FACTS)
    sink = world.sink()
    world.codec.away = True
    world.turns(sink, 5)
    assert world.store.visits() == []
    world.codec.away = False
    world.turns(sink, 60)
    assert_exact(world, FACTS)


def test_facts_that_come_again_are_left_out() -> None:
    world = World()
    appended(world.log, FACTS)
    world.end()
    appended(world.log, FACTS[20:], repeated=True)
    appended(world.log, [(39, 2), (40, 1)], repeated=True)
    world.end()
    assert_exact(world, [*FACTS, (39, 2), (40, 1)])


def test_a_new_sink_looks_for_facts_that_do_not_say_that_they_come_again() -> None:
    world = World()
    appended(world.log, FACTS)
    world.end()
    appended(world.log, FACTS[38:])
    world.end()
    assert_exact(world, FACTS)


@given(step=st.integers(0, 40), forget=st.booleans())
@settings(max_examples=25, deadline=None)
def test_repeated_facts_are_left_out_whatever_is_killed(step: int, *, forget: bool) -> None:
    world = World()
    appended(world.log, FACTS[:10])
    if forget:
        world.end()
    appended(world.log, FACTS[5:10], repeated=True)
    appended(world.log, FACTS[10:])
    appended(world.log, FACTS[30:], repeated=True)
    run_until_killed(world, step)
    world.end()
    assert_exact(world, FACTS)


@given(to=st.integers(0, 40))
@settings(max_examples=25, deadline=None)
def test_an_operator_who_sets_the_offset_back_counts_nothing_twice(to: int) -> None:
    world = World()
    appended(world.log, FACTS)
    world.end()
    world.log.committed = {tp: Committed(offset=to) for tp in world.log.tps}
    appended(world.log, [(50, 1)])
    world.end()
    assert_exact(world, [*FACTS, (50, 1)])


def test_a_topic_made_anew_begins_at_its_first_offset() -> None:
    world = World()
    appended(world.log, FACTS)
    world.end()
    tp = world.log.tps[0]
    world.log.messages[tp].clear()
    world.log.incarnation = "two"
    appended(world.log, [(100 + number, 1) for number in range(60)])
    world.end()
    assert_exact(world, [*FACTS, *((100 + number, 1) for number in range(60))])


@pytest.mark.parametrize("forgotten", [False, True])
def test_facts_that_come_again_by_a_topic_made_anew_are_written_once(forgotten: bool) -> None:
    """At any offset, in any batch: the offsets of the old topic say nothing about the new one.

    The brokers mostly forget with a topic what a group has committed in it.
    """
    world = World()
    appended(world.log, FACTS)
    world.end()
    world.log.messages[world.log.tps[0]].clear()
    world.log.incarnation = "two"
    if forgotten:
        world.log.committed.clear()
    appended(world.log, [*FACTS[5:], *FACTS[:5], (200, 1)])
    world.end()
    assert_exact(world, [*FACTS, (200, 1)])


def test_brokers_that_have_lost_messages_stop_the_sink() -> None:
    world = World()
    appended(world.log, FACTS)
    world.end()
    tp = world.log.tps[0]
    del world.log.messages[tp][30:]
    with pytest.raises(CheckFailedError, match=r"ends at offset 30, but 40 was reached.*sink.epoch"):
        world.turns(world.sink())


def test_messages_that_expired_do_not_stop_the_sink() -> None:
    world = World()
    appended(world.log, FACTS)

    def dies(step: str) -> None:
        if step == "before exposures":
            raise Killed(step)

    with pytest.raises(Killed):
        world.turns(world.sink(dies))
    begun = next(iter(world.log.committed.values()))
    assert "hi" in begun.note
    world.log.expire(world.log.tps[0], 30)
    world.end()
    assert set(rows_of_facts(FACTS[30:])) <= set(world.store.visits())
    assert len(set(world.store.visits())) == len(world.store.visits())


def test_messages_that_expire_under_a_running_sink_are_counted() -> None:
    world = World()
    sink = world.sink()
    appended(world.log, FACTS[:10])
    world.turns(sink, 10)
    appended(world.log, FACTS[10:])
    world.log.expire(world.log.tps[0], 15)
    world.turns(sink, 60)
    assert_exact(world, [*FACTS[:10], *FACTS[15:]])
    assert world.meter.counted["messages_ignored", "expired"] == 5


def test_bad_messages_are_set_aside_and_the_rest_is_written() -> None:
    world = World()
    for number in range(20):
        world.log.append(b"bad" if number % 4 == 0 else f"{number}:1".encode())
    world.end()
    assert_exact(world, [(number, 1) for number in range(20) if number % 4])
    assert [(letter.offset, letter.cause) for letter in world.letters] == [
        (number, "not_framed") for number in range(0, 20, 4)
    ]


def test_a_batch_of_bad_messages_alone_moves_the_offset() -> None:
    world = World()
    for _ in range(10):
        world.log.append(b"bad")
    world.end()
    assert world.log.committed[world.log.tps[0]].offset == 10
    assert [row["hi"] for row in world.store.tables["sink_batches"]][-1] == 10


def test_too_many_bad_messages_stop_the_sink_and_nothing_is_committed() -> None:
    world = World()
    for _ in range(1200):
        world.log.append(b"bad")
    with pytest.raises(LimitReachedError):
        world.turns(world.sink(), 1200)
    offset = world.log.committed[world.log.tps[0]].offset if world.log.committed else 0
    assert offset <= 1000
    assert all(letter.offset < offset for letter in world.letters)
