"""Dead letters for people: hexadecimal dumps, ids, choices."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from onlooker.cli.dead_letters import hexdump
from schemas.errors import UsageError
from schemas.events import DeadLetter
from schemas.ids import derive_id
from sinks.letters.stored import Choice, id_of, without_bytes

LETTER = DeadLetter(
    letter_id=derive_id("letter"),
    service="sink",
    cause="truncated",
    detail="it ends",
    topic="visits.v1",
    partition=1,
    offset=2,
    failed_us=1_770_026_400_000_000,
    key=None,
    value=b"\x00\xff",
)


def test_bytes_are_shown_as_digits_and_text() -> None:
    assert hexdump(b"\x00\x01Hello, stands!") == (
        "00000000  00 01 48 65 6c 6c 6f 2c 20 73 74 61 6e 64 73 21  ..Hello, stands!"
    )
    assert hexdump(b"") == ""


def test_a_long_value_says_how_much_is_left_out() -> None:
    lines = hexdump(bytes(1000), lines=2).splitlines()
    assert len(lines) == 3
    assert lines[2] == "... 968 more bytes"


def test_what_is_no_id_is_refused_with_the_way_to_find_one() -> None:
    assert id_of(str(LETTER.letter_id)) == LETTER.letter_id
    with pytest.raises(UsageError, match="dead-letters list"):
        id_of("7")


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        (Choice(), True),
        (Choice(cause="truncated", topic="visits.v1"), True),
        (Choice(cause="future"), False),
        (Choice(topic="plays.v1"), False),
        (Choice(ids=(LETTER.letter_id,)), True),
        (Choice(ids=(UUID(int=1),)), False),
        (Choice(since=datetime(2026, 2, 2, 10, tzinfo=UTC)), True),
        (Choice(since=datetime(2026, 2, 2, 11, tzinfo=UTC)), False),
    ],
)
def test_a_choice_takes_what_it_names(choice: Choice, *, taken: bool) -> None:
    assert choice.takes(LETTER) is taken
    condition, values = choice.condition
    assert all(f"{{{name}:" in condition for name in values)


def test_json_has_the_bytes_as_digits() -> None:
    shown = msgspec.json.decode(msgspec.json.encode(without_bytes(LETTER)))
    assert (shown["key"], shown["value"]) == (None, "00ff")
