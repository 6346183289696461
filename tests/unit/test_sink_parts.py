"""The sink's parts alone: where to begin, waiting, what is remembered, which rows are refused."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.dead_letters import DeadLetterOptions
from schemas.errors import CheckFailedError, LimitReachedError, UsageError
from schemas.events import DeadLetter
from schemas.metrics import NoMeter, NoPulse
from sinks.service.backoff import Backoff
from sinks.service.batch_writer import BatchWriter, Reporting, StoreAwayError, refused_among
from sinks.service.feed import Bounds, Committed
from sinks.service.gathering import Batch, Entry, Gathering
from sinks.service.known import Remembered, identity_of
from sinks.service.offsets import Known, Note, Start, Written, commit_of, note_of, start_of
from sinks.service.options import SinkOptions
from sinks.service.reading import Limits
from sinks.store.clickhouse import RowsRefusedError
from tests.facts import FakeClock, play, visit_ended, window

TP = ("visits.v1", 0)


def known(
    committed: Committed | None, *, written: int | None = None, begin: int = 0, end: int = 100
) -> Known:
    bounds = Bounds(begin=begin, end=end)
    return Known(tp=TP, incarnation="one", committed=committed, bounds=bounds, written=Written(hi=written))


def at(offset: int, hi: int | None = None, topic: str = "one") -> Committed:
    return commit_of(offset, Note(hi=hi, at_us=7, topic=topic))


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (known(None), Start(lo=0, read_from=0)),
        (known(None, begin=30), Start(lo=30, read_from=30)),
        (known(None, written=40), Start(lo=40, read_from=40, skipped=40)),
        (known(at(40), written=40), Start(lo=40, read_from=40)),
        (known(Committed(offset=10), written=40), Start(lo=40, read_from=40, skipped=30)),
        (known(Committed(offset=10, note="anything")), Start(lo=10, read_from=10, missing_from=0)),
        (known(at(40)), Start(lo=40, read_from=40, missing_from=0)),
        (known(at(40), begin=12), Start(lo=40, read_from=40, missing_from=12)),
        (known(at(40), begin=40), Start(lo=40, read_from=40)),
        (known(at(40), written=25), Start(lo=40, read_from=40, missing_from=25)),
        (known(at(40), written=40, begin=60), Start(lo=60, read_from=60, expired=20)),
        (known(at(40, hi=50), written=50), Start(lo=50, read_from=50, skipped=10)),
        (known(at(40, hi=50), begin=50), Start(lo=50, read_from=50, expired=10)),
        (known(at(40, topic="another"), begin=5), Start(lo=5, read_from=5, careful_until=40)),
    ],
)
def test_where_to_begin(given_: Known, expected: Start) -> None:
    assert start_of(given_) == expected


def test_a_batch_that_was_begun_is_ended_under_its_own_bounds() -> None:
    note = Note(hi=50, at_us=7, topic="one")
    assert start_of(known(at(40, hi=50), written=40)) == Start(lo=40, read_from=40, heal=note)
    restored = start_of(known(at(40, hi=50), written=25))
    assert restored == Start(lo=40, read_from=40, heal=note, missing_from=25)
    half_gone = start_of(known(at(40, hi=50), written=40, begin=45))
    assert half_gone == Start(lo=40, read_from=45, heal=note, expired=5)


@pytest.mark.parametrize(
    "lost",
    [known(at(40), end=39), known(at(10), written=40, end=39), known(None, written=40, end=39)],
)
def test_a_partition_that_ends_too_early_is_refused(lost: Known) -> None:
    with pytest.raises(CheckFailedError, match=r"ends at offset 39, but 40 was reached.*sink\.epoch"):
        start_of(lost)


@given(st.text())
def test_any_note_of_anybody_is_read(text: str) -> None:
    assert isinstance(note_of(text), Note)


@given(hi=st.none() | st.integers(0, 2**62), at_us=st.integers(0, 2**62), topic=st.text(max_size=40))
def test_a_note_comes_back_as_it_was_written(hi: int | None, at_us: int, topic: str) -> None:
    note = Note(hi=hi, at_us=at_us, topic=topic)
    assert note_of(commit_of(3, note).note) == note


def test_the_token_names_topic_incarnation_partition_and_offsets() -> None:
    batch = Batch(tp=TP, incarnation="one", lo=3, hi=9, at_us=0, entries=[])
    assert batch.token == "visits.v1:one:0:3-9"


def entry(offset: int, fact: Any = None, size_bytes: int = 10) -> Entry:
    return Entry(offset=offset, fact=fact or visit_ended(str(offset)), size_bytes=size_bytes)


def gathering(start: Start, **options: Any) -> tuple[Gathering, FakeClock]:
    clock = FakeClock()
    return Gathering(TP, "one", start, options=SinkOptions(**options), clock=clock.now_s), clock


def test_a_batch_is_due_by_rows_bytes_or_age() -> None:
    by_rows, _ = gathering(Start(lo=0, read_from=0), max_rows=2)
    by_bytes, _ = gathering(Start(lo=0, read_from=0), max_bytes=20)
    by_age, clock = gathering(Start(lo=0, read_from=0), max_age_s=2.0)
    assert by_rows.due_in_s is None
    for each in (by_rows, by_bytes, by_age):
        each.add(entry(0))
        assert each.due_in_s
    by_rows.add(entry(1))
    by_bytes.add(entry(1))
    clock.sleep(2.0)
    assert [each.due_in_s for each in (by_rows, by_bytes, by_age)] == [0.0, 0.0, 0.0]


def test_ending_a_batch_waits_for_all_of_it_and_leaves_the_rest() -> None:
    begun, _ = gathering(Start(lo=3, read_from=3, heal=Note(hi=6, at_us=7, topic="one")))
    begun.add(entry(3))
    begun.add(entry(4))
    assert (begun.due_in_s, begun.take(99)) == (None, None)
    begun.add(entry(8))
    assert begun.due_in_s == 0.0
    batch = begun.take(99)
    assert batch is not None
    assert (batch.lo, batch.hi, batch.at_us, batch.healed) == (3, 6, 7, True)
    assert [each.offset for each in batch.entries] == [3, 4]
    rest = begun.take(99)
    assert rest is not None
    assert (rest.lo, rest.hi, rest.healed, rest.careful) == (6, 9, False, True)


def test_ending_a_batch_whose_last_offsets_hold_no_message() -> None:
    begun, _ = gathering(Start(lo=3, read_from=3, heal=Note(hi=6, at_us=7, topic="one")))
    begun.add(entry(3))
    begun.passed(6)
    batch = begun.take(99)
    assert batch is not None
    assert (batch.lo, batch.hi) == (3, 6)


def test_waits_grow_with_jitter_and_begin_anew_after_success() -> None:
    backoff = Backoff(1.0, 4.0, lambda: 0.5)
    waits = []
    for _ in range(4):
        backoff.failed(10.0)
        waits.append(backoff.wait_s(10.0))
    assert waits == [0.75, 1.5, 3.0, 3.0]
    assert backoff.wait_s(100.0) == 0.0
    assert backoff.waiting
    backoff.succeeded()
    assert not backoff.waiting


def test_memory_is_bounded_and_keeps_the_highest_version() -> None:
    memory = Remembered(2)
    memory.add([visit_ended("a"), visit_ended("b", version=3), visit_ended("c")])
    a, b = identity_of(visit_ended("a"))[0], identity_of(visit_ended("b"))[0]
    assert not memory.has(a, 1)
    assert memory.has(b, 3)
    assert memory.has(b, 2)
    assert not memory.has(b, 4)
    memory.add([visit_ended("b", version=1)])
    assert memory.has(b, 3)


def test_facts_of_one_id_and_another_kind_are_told_apart_by_id() -> None:
    ids = {identity_of(fact)[0] for fact in (visit_ended("a"), play("a"), window())}
    assert len(ids) == 3


@given(bad=st.sets(st.integers(0, 30), max_size=5), count=st.integers(0, 31))
def test_refused_rows_are_found_and_no_other(bad: set[int], count: int) -> None:
    entries = [entry(offset) for offset in range(count)]

    def refusal(table: str, columns: Mapping[str, Any]) -> str | None:
        return "no" if bad & set(columns["_offset"]) else None

    found = refused_among(entries, TP, refusal)
    assert [each.offset for each, _ in found] == sorted(bad & set(range(count)))


class PuzzlingStore:
    """Refuses a batch as a whole and takes it in parts."""

    def insert(self, table: str, columns: Mapping[str, Any], token: str) -> None:
        raise RowsRefusedError("something odd")

    def refusal(self, table: str, columns: Mapping[str, Any]) -> str | None:
        return None

    def command(self, sql: str) -> None:
        raise NotImplementedError

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        return []


class NoLetters:
    def post(self, letters: Sequence[DeadLetter], *, repeated: bool = False) -> None:
        raise NotImplementedError


def test_a_refusal_that_cannot_be_found_is_tried_again_and_then_told() -> None:
    writer = BatchWriter(
        PuzzlingStore(),
        NoLetters(),
        memory=Remembered(10),
        limits=Limits(DeadLetterOptions(), NoPulse()),
        reporting=Reporting(meter=NoMeter(), writer="test"),
    )
    batch = Batch(tp=TP, incarnation="one", lo=0, hi=1, at_us=0, entries=[entry(0)])
    for _ in range(4):
        with pytest.raises(StoreAwayError):
            writer.write(batch)
    with pytest.raises(UsageError, match="something odd"):
        writer.write(batch)


def test_a_full_disk_is_waited_for() -> None:
    class FullStore(PuzzlingStore):
        def insert(self, table: str, columns: Mapping[str, Any], token: str) -> None:
            raise LimitReachedError("the disk is full")

    writer = BatchWriter(
        FullStore(),
        NoLetters(),
        memory=Remembered(10),
        limits=Limits(DeadLetterOptions(), NoPulse()),
        reporting=Reporting(meter=NoMeter(), writer="test"),
    )
    with pytest.raises(StoreAwayError, match="the disk is full"):
        writer.write(Batch(tp=TP, incarnation="one", lo=0, hi=1, at_us=0, entries=[entry(0)]))
