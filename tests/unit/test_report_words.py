"""The small parts of the report: bars, sparklines, numbers, plain values, addresses."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count, islice
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from onlooker.reporting.answers import answer_lines
from onlooker.reporting.plain import number, percent, plain
from onlooker.reporting.terminal import bar, sparkline
from schemas.errors import UsageError
from sinks.store.address import Address, address_from_url, checked_identifier
from sinks.store.clickhouse import Answer, shortened


@pytest.mark.parametrize(
    ("share", "cells", "text"), [(0, 8, ""), (0.5, 8, "████"), (1, 2, "██"), (1 / 16, 2, "▏")]
)
def test_a_bar_is_as_long_as_its_share(share: float, cells: int, text: str) -> None:
    assert bar(share, cells) == text


@given(st.floats(-1, 2), st.integers(1, 50))
def test_a_bar_never_leaves_its_cells(share: float, cells: int) -> None:
    assert len(bar(share, cells)) <= cells


def test_a_sparkline_has_a_column_a_value() -> None:
    assert sparkline([0, 1, 2], highest=2) == " ▄█"
    assert sparkline([]) == ""
    assert sparkline([0, 0]) == "  "


def test_numbers_for_people() -> None:
    assert number(1234.56, 1, " s") == "1,234.6 s"
    assert number(None) == percent(None) == "n/a"
    assert percent(0.352) == "35 %"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Decimal("1.50"), "1.50"),
        (datetime(2026, 2, 2, 10, tzinfo=UTC), "2026-02-02T10:00:00+00:00"),
        ({"a": (1, 2.5)}, {"a": [1, 2.5]}),
    ],
)
def test_values_become_plain(value: object, expected: object) -> None:
    assert plain(value) == expected


def test_a_url_names_everything() -> None:
    address = address_from_url("clickhouse://ann:p%40ss@db.example:9001/adverts?secure=1")
    assert address == Address(
        host="db.example", port=9001, user="ann", password="p@ss", database="adverts", secure=True
    )
    assert "p@ss" not in repr(address)


@pytest.mark.parametrize(("url", "port"), [("clickhouse://h", 9000), ("clickhouse://h/d?secure=1", 9440)])
def test_the_port_follows_from_secure(url: str, port: int) -> None:
    assert address_from_url(url).port == port


@pytest.mark.parametrize(
    "url",
    [
        "http://u:sesame@h",
        "clickhouse://",
        "clickhouse://u:sesame@h:port/d",
        "clickhouse://u:sesame@h/d?what=1",
        "h:9000",
    ],
)
def test_a_wrong_url_shows_the_form_and_no_password(url: str) -> None:
    with pytest.raises(UsageError, match="expected clickhouse://") as caught:
        address_from_url(url)
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("name", ["a b", "a;", "", "a`", "1a", "a.b"])
def test_an_identifier_is_checked(name: str) -> None:
    with pytest.raises(UsageError):
        checked_identifier(name)


def test_a_long_message_of_the_server_is_one_line() -> None:
    message = (
        "DB::Exception: Syntax error\n at 3. Expected one of: SELECT, INSERT"
        + " x" * 500
        + "\nStack trace:\n0. here"
    )
    assert shortened(message) == "Syntax error at 3."
    assert len(shortened("y" * 900)) == 300


def lines_of(answer: Answer, width: int | None) -> list[str]:
    return [line for line in answer_lines(answer.names, answer.rows, width) if line]


def test_an_answer_too_wide_for_the_terminal_is_stacked() -> None:
    names = tuple(f"column_{place}" for place in range(12))
    answer = Answer(names=names, rows=[tuple(range(12)), (None, "[b]x[/b]", *range(2, 12))])
    narrow = lines_of(answer, 80)
    assert len(narrow) == 24
    assert narrow[0].split() == ["column_0", "0"]
    assert narrow[13].split() == ["column_1", "[b]x[/b]"]
    assert all(len(line) <= 80 for line in narrow)
    assert lines_of(answer, None)[0].split() == list(names)


def test_an_answer_is_laid_out_as_it_comes() -> None:
    def without_an_end() -> Iterator[tuple[int, str]]:
        yield from ((number, "x") for number in count())

    lines = list(islice(answer_lines(("number", "word"), without_an_end(), 80), 100_002))
    assert lines[0].split() == ["number", "word"]
    assert lines[-1].split() == ["99999", "x"]


def test_a_value_does_not_steer_the_terminal_and_keeps_its_lines() -> None:
    answer = Answer(names=("a", "b"), rows=[("\x1b[2Jx\ty", "one\ntwo"), ("日", "plain")])
    assert lines_of(answer, None)[2:] == [" \\x1b[2Jx\\ty  one", "              two", " 日           plain"]
    assert [line.split() for line in lines_of(answer, 10)][:3] == [
        ["a", "\\x1b[2Jx\\ty"],
        ["b", "one"],
        ["two"],
    ]


def test_an_answer_that_fits_is_a_table() -> None:
    assert lines_of(Answer(names=("ots", "watchers"), rows=[(3, 2)]), 80)[0].split() == ["ots", "watchers"]


def test_a_database_says_where_it_lies() -> None:
    other = Address(host="ch.example")
    assert other.place == "the ClickHouse at ch.example:9000"
    assert replace(other, data_dir="/srv/figures").place == "the data directory /srv/figures"
