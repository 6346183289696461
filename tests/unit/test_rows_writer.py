"""Batching and writing: tokens, age, retries; nothing lost, nothing written under two tokens."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import DependencyAwayError, LimitReachedError
from sinks.facts.batching import Batcher, BatchOptions
from sinks.facts.writer import FactWriter, WriterOptions
from tests.facts import FakeClock, exposure, play, visit_ended

MANY = WriterOptions(batch=BatchOptions(max_rows=2, max_age_s=1.0))


class FlakyStore:
    """Refuses the inserts whose ordinals are named; de-duplicates by table and token."""

    def __init__(
        self, refused: frozenset[int] = frozenset(), error: type[Exception] = DependencyAwayError
    ) -> None:
        self.attempts: list[tuple[str, str]] = []
        self.rows_by_token: dict[tuple[str, str], int] = {}
        self._refused = refused
        self._error = error

    def insert(self, table: str, columns: Mapping[str, Any], token: str) -> None:
        self.attempts.append((table, token))
        if len(self.attempts) - 1 in self._refused:
            raise self._error("away")
        self.rows_by_token[table, token] = len(next(iter(columns.values())))

    def command(self, sql: str) -> None:
        raise NotImplementedError

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        raise NotImplementedError


def fill(batcher: Batcher, offsets: range) -> None:
    for offset in offsets:
        batcher.add(visit_ended(str(offset)), offset)


def test_the_token_names_run_and_offsets() -> None:
    batcher = Batcher(BatchOptions(), source="run", clock=lambda: 0.0)
    fill(batcher, range(5, 8))
    batch = batcher.take()
    assert batch is not None
    assert batch.token == "run:5-8"
    assert batch.row_counts == {"visits": 3}
    assert batcher.take() is None


def test_a_batch_is_due_by_rows_or_by_age() -> None:
    clock = FakeClock()
    batcher = Batcher(BatchOptions(max_rows=3, max_age_s=1.0), source="run", clock=clock.now_s)
    assert not batcher.due
    fill(batcher, range(2))
    assert not batcher.due
    clock.sleep(1.0)
    assert batcher.due
    batcher.take()
    fill(batcher, range(2, 5))
    assert batcher.due


def test_tick_writes_what_is_old() -> None:
    store, clock = FlakyStore(), FakeClock()
    writer = FactWriter(store, source="run", clock=clock)
    writer.add(visit_ended("a"))
    writer.tick()
    assert store.attempts == []
    clock.sleep(1.0)
    writer.tick()
    assert store.attempts == [("visits", "run:0-1")]


@given(refused=st.frozensets(st.integers(0, 30), max_size=12), facts=st.integers(0, 12))
def test_whatever_is_refused_every_row_is_written_once(refused: frozenset[int], facts: int) -> None:
    store = FlakyStore(refused)
    writer = FactWriter(store, source="run", clock=FakeClock(), options=MANY)
    for number in range(facts):
        writer.add(visit_ended(str(number), (exposure(str(number), play()),)))
    writer.flush()
    written: dict[str, int] = {}
    for (table, _), count in store.rows_by_token.items():
        written[table] = written.get(table, 0) + count
    assert written == ({"visits": facts, "exposures": facts} if facts else {})
    assert writer.counts.rows == written
    assert writer.counts.retries == len([a for a in refused if a < len(store.attempts)])


def test_the_wait_doubles_and_then_gives_up() -> None:
    store, clock = FlakyStore(frozenset(range(100))), FakeClock()
    options = WriterOptions(first_wait_s=1.0, longest_wait_s=4.0, give_up_after_s=10.0)
    writer = FactWriter(store, source="run", clock=clock, options=options)
    writer.add(visit_ended("a"))
    with pytest.raises(DependencyAwayError):
        writer.flush()
    assert clock.at_s == 1 + 2 + 4 + 4


def test_a_full_disk_is_not_waited_for() -> None:
    store = FlakyStore(frozenset({0}), LimitReachedError)
    writer = FactWriter(store, source="run", clock=FakeClock())
    writer.add(visit_ended("a"))
    with pytest.raises(LimitReachedError):
        writer.flush()
    assert len(store.attempts) == 1


def test_the_server_is_revived_before_another_attempt() -> None:
    revived: list[int] = []
    store = FlakyStore(frozenset({0}))
    writer = FactWriter(
        store, source="run", clock=FakeClock(), revive=lambda: revived.append(len(store.attempts))
    )
    writer.add(visit_ended("a"))
    writer.flush()
    assert revived == [1]
