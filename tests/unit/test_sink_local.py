"""The sink of one process: batches, tokens, retries; nothing lost, nothing written under two tokens."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.clocks import Clocks
from schemas.errors import DependencyAwayError, LimitReachedError
from schemas.events import Play, VisitEnded
from sinks.service.local import LocalOptions, LocalSink
from tests.facts import FakeClock, exposure, play, visit_ended, window

MANY = LocalOptions(max_rows=2, max_age_s=1.0)


class FlakyStore:
    """Refuses the inserts whose ordinals are named; de-duplicates by table and token."""

    def __init__(
        self, refused: frozenset[int] = frozenset(), error: type[Exception] = DependencyAwayError
    ) -> None:
        self.attempts: list[tuple[str, str]] = []
        self.rows_by_token: dict[tuple[str, str], int] = {}
        self.columns: dict[str, dict[str, list[Any]]] = {}
        """The last batch of each table."""
        self._refused = refused
        self._error = error

    def insert(self, table: str, columns: Mapping[str, Any], token: str) -> None:
        self.attempts.append((table, token))
        if len(self.attempts) - 1 in self._refused:
            raise self._error("away")
        self.rows_by_token[table, token] = len(next(iter(columns.values())))
        self.columns[table] = dict(columns)

    def command(self, sql: str) -> None:
        raise NotImplementedError

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        raise NotImplementedError


def sink_of(store: FlakyStore, clock: FakeClock | None = None, **arguments: Any) -> LocalSink:
    clock = clock or FakeClock()
    clocks = Clocks(monotonic_s=clock.now_s, sleep=clock.sleep)
    return LocalSink(store, run_id="run", clocks=clocks, **arguments)


def fill(sink: LocalSink, numbers: range) -> None:
    for number in numbers:
        sink.add(visit_ended(str(number)))


def test_the_token_names_run_and_offsets() -> None:
    store = FlakyStore()
    sink = sink_of(store)
    fill(sink, range(5))
    sink.flush()
    fill(sink, range(5, 8))
    sink.flush()
    assert store.attempts[-1] == ("visits", "visits:run:0:5-8")
    assert store.rows_by_token["visits", "visits:run:0:5-8"] == 3
    sink.flush()
    assert len(store.attempts) == 2


def test_a_batch_is_due_by_rows_or_by_age() -> None:
    store, clock = FlakyStore(), FakeClock()
    sink = sink_of(store, clock, options=LocalOptions(max_rows=3, max_age_s=1.0))
    sink.tick()
    assert store.attempts == []
    fill(sink, range(2))
    sink.tick()
    assert store.attempts == []
    clock.sleep(1.0)
    sink.tick()
    assert store.rows_by_token == {("visits", "visits:run:0:0-2"): 2}
    fill(sink, range(2, 5))
    assert store.rows_by_token["visits", "visits:run:0:2-5"] == 3


def test_tick_writes_what_is_old() -> None:
    store, clock = FlakyStore(), FakeClock()
    sink = sink_of(store, clock)
    sink.add(visit_ended("a"))
    sink.tick()
    assert store.attempts == []
    clock.sleep(1.0)
    sink.tick()
    assert store.attempts == [("visits", "visits:run:0:0-1")]


def test_all_kinds_are_written_together_plays_first_and_heads_after_their_parts() -> None:
    store, clock = FlakyStore(), FakeClock()
    sink = sink_of(store, clock)
    sink.add(window())
    sink.add(visit_ended("a", (exposure("a", play()),)))
    clock.sleep(0.9)
    sink.add(play())
    clock.sleep(0.1)
    sink.tick()
    assert [table for table, _ in store.attempts] == ["plays", "exposures", "visits", "windows"]


def test_rows_say_which_fact_of_the_run_they_are() -> None:
    store = FlakyStore()
    sink = sink_of(store)
    facts: list[Play | VisitEnded] = [visit_ended("a"), play("p"), play("q"), visit_ended("b")]
    for fact in facts:
        sink.add(fact)
    sink.flush()
    found = {table: [columns[n] for n in ("_topic", "_offset")] for table, columns in store.columns.items()}
    assert found == {"plays": [["plays"] * 2, [1, 2]], "visits": [["visits"] * 2, [0, 3]]}
    assert [columns["_partition"] for columns in store.columns.values()] == [[0, 0], [0, 0]]


@given(refused=st.frozensets(st.integers(0, 30), max_size=12), facts=st.integers(0, 12))
def test_whatever_is_refused_every_row_is_written_once(refused: frozenset[int], facts: int) -> None:
    store = FlakyStore(refused)
    sink = sink_of(store, options=MANY)
    for number in range(facts):
        sink.add(visit_ended(str(number), (exposure(str(number), play()),)))
    sink.flush()
    written: dict[str, int] = {}
    for (table, _), count in store.rows_by_token.items():
        written[table] = written.get(table, 0) + count
    assert written == ({"visits": facts, "exposures": facts} if facts else {})
    assert sink.rows == written
    assert sink.retries == len([a for a in refused if a < len(store.attempts)])


def test_the_wait_doubles_and_then_gives_up() -> None:
    store, clock = FlakyStore(frozenset(range(100))), FakeClock()
    options = LocalOptions(first_wait_s=1.0, longest_wait_s=4.0, give_up_after_s=10.0)
    sink = sink_of(store, clock, options=options)
    sink.add(visit_ended("a"))
    with pytest.raises(DependencyAwayError):
        sink.flush()
    assert clock.at_s == 1 + 2 + 4 + 4


def test_a_full_disk_is_not_waited_for() -> None:
    store = FlakyStore(frozenset({0}), LimitReachedError)
    sink = sink_of(store)
    sink.add(visit_ended("a"))
    with pytest.raises(LimitReachedError):
        sink.flush()
    assert len(store.attempts) == 1


def test_the_server_is_revived_before_another_attempt() -> None:
    revived: list[int] = []
    store = FlakyStore(frozenset({0}))
    sink = sink_of(store, revive=lambda: revived.append(len(store.attempts)))
    sink.add(visit_ended("a"))
    sink.flush()
    assert revived == [1]
