"""Rows: what a fact becomes, in the order that makes a version hold only when its parts are there."""

from typing import Any

import pytest

from schemas.events import EXPRESSIONS, DeadLetter
from schemas.ids import derive_id
from schemas.kinds import UNKNOWN
from sinks.facts.columns import tables_of
from sinks.facts.kinds import rows_in
from sinks.service.gathering import Entry
from sinks.store.migrate import released
from tests.facts import WRITE_ORDER, audience_figures, campaign_figures, exposure, play, visit_ended, window

Row = dict[str, Any]
TP = ("site.visits.v1", 3)
VISIT = visit_ended("a", (exposure("a", play(), (1.0, 0.5)),))
WINDOW = window((campaign_figures(),), (audience_figures(),))
LETTER = DeadLetter(
    letter_id=derive_id("letter"),
    service="sink",
    cause="truncated",
    detail="it ends",
    topic="visits.v1",
    partition=1,
    offset=2,
    failed_us=3,
    key=None,
    value=b"\x00\xff",
)


def entry(fact: Any, offset: int = 7) -> Entry:
    return Entry(offset=offset, fact=fact, size_bytes=0)


def row(fact: Any, table: str) -> Row:
    columns = dict(tables_of([entry(fact)], TP))[table]
    return {name: values[0] for name, values in columns.items()}


def tables(fact: Any) -> list[str]:
    return [table for table, _ in tables_of([entry(fact)], TP)]


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (play(), ["plays"]),
        (VISIT, ["exposures", "visits"]),
        (WINDOW, ["campaign_windows", "audience_windows", "windows"]),
        (visit_ended("alone"), ["visits"]),
        (window(), ["windows"]),
        (LETTER, ["dead_letters"]),
    ],
)
def test_a_fact_becomes_rows_of_its_tables(fact: Any, expected: list[str]) -> None:
    assert tables(fact) == expected


@pytest.mark.parametrize("fact", [play(), VISIT, WINDOW, LETTER])
def test_a_row_has_the_columns_of_its_table(fact: Any) -> None:
    sql = "\n".join(migration.sql for migration in released())
    for table in tables(fact):
        body = sql.split(f"CREATE TABLE {table}\n", 1)[1].split("\n)\n", 1)[0]
        lines = [line.split() for line in body.splitlines() if line.startswith("    ")]
        stored = {words[0] for words in lines if "MATERIALIZED" not in words}
        assert set(row(fact, table)) == stored, table


def test_parts_are_written_before_what_makes_them_hold() -> None:
    assert WRITE_ORDER.index("exposures") < WRITE_ORDER.index("visits")
    assert WRITE_ORDER.index("campaign_windows") < WRITE_ORDER.index("windows")
    assert WRITE_ORDER.index("audience_windows") < WRITE_ORDER.index("windows")


def test_every_row_says_where_it_came_from() -> None:
    for fact in (VISIT, WINDOW, play(), LETTER):
        for table in tables(fact):
            found = row(fact, table)
            assert (found["_topic"], found["_partition"], found["_offset"]) == (*TP, 7)


def test_durations_are_rounded_down_and_missing_stays_missing() -> None:
    assert row(VISIT, "visits")["longest_look_ms"] == 1
    assert row(VISIT, "visits")["time_to_first_look_ms"] is None
    assert row(WINDOW, "campaign_windows")["attention_ms"] == 1500
    assert row(WINDOW, "campaign_windows")["revenue"] is None


def test_engaged_is_what_measure_decided() -> None:
    fact = visit_ended("a", (exposure("a", play(), engaged=True),), engagement=90.0)
    assert (row(fact, "exposures")["engaged"], row(fact, "visits")["engaged"]) == (1, 0)


def test_an_exposure_has_the_version_of_its_visit() -> None:
    corrected = visit_ended("a", (exposure("a", play(), version=1),), version=4)
    assert row(corrected, "exposures")["version"] == 4


def test_expressions_are_named_and_zeros_left_out() -> None:
    fact = visit_ended("a", (exposure("a", play(), expression_us=(2_000, 0, 0, 0, 0, 0, 5_999)),))
    assert row(fact, "exposures")["expression_ms"] == {EXPRESSIONS[0]: 2, EXPRESSIONS[6]: 5}


def test_unknown_age_and_gender_of_a_segment_have_a_name() -> None:
    assert (row(WINDOW, "audience_windows")["age_band"], row(WINDOW, "audience_windows")["gender"]) == (
        UNKNOWN,
    ) * 2


def test_a_visit_without_presence_is_retracted() -> None:
    assert row(visit_ended("a", presence_us=0), "visits")["retracted"] == 1
    assert row(VISIT, "visits")["retracted"] == 0


def test_rows_keep_the_order_of_the_facts_and_parts_the_offset_of_their_whole() -> None:
    facts: list[Any] = [
        visit_ended("a", (exposure("a", play("p")), exposure("a", play("q")))),
        play(),
        visit_ended("b"),
        visit_ended("c", (exposure("c", play("p")),), version=3),
    ]
    found = dict(tables_of([entry(f, 5 + i) for i, f in enumerate(facts)], TP))
    assert found["visits"]["_offset"] == [5, 7, 8]
    assert found["exposures"]["_offset"] == [5, 5, 8]
    assert found["exposures"]["version"] == [1, 1, 3]
    assert found["plays"]["_offset"] == [6]
    assert {len(column) for column in found["exposures"].values()} == {3}


@pytest.mark.parametrize("fact", [play(), VISIT, WINDOW, LETTER])
def test_rows_are_counted_without_making_them(fact: Any) -> None:
    made = tables_of([entry(fact)], TP)
    assert rows_in(fact) == sum(len(columns["_offset"]) for _, columns in made)


def test_a_letter_keeps_its_bytes() -> None:
    assert (row(LETTER, "dead_letters")["key"], row(LETTER, "dead_letters")["value"]) == (None, b"\x00\xff")
