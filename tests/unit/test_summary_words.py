"""What a run or a capture says at its end."""

import io

from onlooker.cameras.words import dropped_words, print_lines
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
