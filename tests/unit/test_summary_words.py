"""What a run or a capture says at its end."""

import io

from onlooker.cameras.words import clock_words, dropped_words, print_lines
from onlooker.foreground.terminal import Terminal


def test_names_are_shown_as_they_are_and_only_troubled_cameras_are_named() -> None:
    said = io.StringIO()
    problems = [("door", "left", None), ("[final]", "cam[/b]", "it is gone")]
    print_lines(Terminal(file=said, width=80), [("frames", "3 of 4")], problems)
    assert [line.rstrip() for line in said.getvalue().splitlines()] == [
        "frames  3 of 4",
        "[final]/cam[/b]: it is gone",
    ]


def test_drops_are_told_with_their_causes() -> None:
    assert dropped_words(0, {}) == "0"
    assert dropped_words(3, {"oldest": 2, "late": 1}) == "3 (1 late, 2 oldest)"


def test_a_clock_that_was_set_is_told_once_for_all_cameras() -> None:
    assert clock_words([{"clock_back": 1, "missing": 2}, {"clock_back": 1, "clock_ahead": 2}]) == (
        "set 2 x ahead, 1 x back: event time followed"
    )
    assert clock_words([{"missing": 2}]) is None
