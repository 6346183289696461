"""Rows: what a fact becomes, in the order that makes a version hold only when its parts are there."""

import pytest

from schemas.events import EXPRESSIONS
from sinks.migrate import released
from sinks.rows import UNKNOWN, WRITE_ORDER, Fact, Origin, Row, columns_of, rows_of
from tests.facts import audience_figures, campaign_figures, exposure, play, visit_ended, window

ORIGIN = Origin(topic="visits", partition=3, offset=7)
VISIT = visit_ended("a", (exposure("a", play(), (1.0, 0.5)),))
WINDOW = window((campaign_figures(),), (audience_figures(),))


def row(fact: Fact, table: str) -> Row:
    return next(r.values for r in rows_of(fact, ORIGIN) if r.table == table)


@pytest.mark.parametrize(
    ("fact", "tables"),
    [
        (play(), ["plays"]),
        (VISIT, ["exposures", "visits"]),
        (WINDOW, ["campaign_windows", "audience_windows", "windows"]),
        (visit_ended("alone"), ["visits"]),
        (window(), ["windows"]),
    ],
)
def test_a_fact_becomes_rows_of_its_tables(fact: Fact, tables: list[str]) -> None:
    assert [r.table for r in rows_of(fact, ORIGIN)] == tables


@pytest.mark.parametrize("fact", [play(), VISIT, WINDOW])
def test_a_row_has_the_columns_of_its_table(fact: Fact) -> None:
    sql = released()[0].sql
    for found in rows_of(fact, ORIGIN):
        body = sql.split(f"CREATE TABLE {found.table}\n", 1)[1].split("\n)\n", 1)[0]
        lines = [line.split() for line in body.splitlines() if line.startswith("    ")]
        stored = {words[0] for words in lines if "MATERIALIZED" not in words}
        assert set(found.values) == stored, found.table


def test_parts_are_written_before_what_makes_them_hold() -> None:
    assert WRITE_ORDER.index("exposures") < WRITE_ORDER.index("visits")
    assert WRITE_ORDER.index("campaign_windows") < WRITE_ORDER.index("windows")
    assert WRITE_ORDER.index("audience_windows") < WRITE_ORDER.index("windows")


def test_every_row_says_where_it_came_from() -> None:
    for found in (*rows_of(VISIT, ORIGIN), *rows_of(WINDOW, ORIGIN), *rows_of(play(), ORIGIN)):
        assert (found.values["_topic"], found.values["_partition"], found.values["_offset"]) == (
            "visits",
            3,
            7,
        )


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


def test_equal_facts_give_equal_rows() -> None:
    assert rows_of(VISIT, ORIGIN) == rows_of(visit_ended("a", (exposure("a", play(), (1.0, 0.5)),)), ORIGIN)


def test_columns_keep_the_order_of_the_rows() -> None:
    assert columns_of([{"a": 1, "b": 2}, {"b": 4, "a": 3}]) == {"a": [1, 3], "b": [2, 4]}
