"""A piece of a recording becomes a story that can be told again, and names nobody."""

from pathlib import Path

import pytest

from schemas.events import MeasureInput
from tests.recordings import fill, numbered
from tests.replay.measure_scenes import Camera, Person, Showing, frames, play
from tests.replay.story_of import main, story_of
from tests.replay.test_stories import test_story_gives_the_expected_figures as check_story

NAMES = ("entrance", "cam-behind-the-till", "jane_doe", "spring-coats", "coat-in-rain")
START_US = 1_772_445_600_000_000 + 7_300_000


def scene() -> list[MeasureInput]:
    """A member looks at a play, a stranger passes."""
    jane = Person(
        track="x",
        from_s=1,
        to_s=9,
        looks=((2, 6),),
        member="jane_doe",
        age=33,
        expression="happy",
        female=0.93,
    )
    stranger = Person(track="y", from_s=4, to_s=8, left_px=20.0)
    camera = Camera(camera="cam-behind-the-till", to_s=12, people=(jane, stranger))
    showing = Showing(creative="coat-in-rain", campaign="spring-coats", from_s=0, to_s=10)
    return [play("entrance", showing, START_US), *frames("entrance", camera, START_US)]


def test_the_story_gives_the_figures_that_it_expects(tmp_path: Path) -> None:
    lines = list(story_of(scene(), "a member looks, a stranger passes"))
    path = tmp_path / "told.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    check_story(path)
    expected = [line for line in lines if line.startswith(('{"visit"', '{"window"'))]
    assert len(expected) == 3
    assert any('"member_id":"member-1"' in line for line in expected)
    path.write_text("\n".join(lines).replace('"looks":1', '"looks":2'), encoding="utf-8")
    with pytest.raises(AssertionError):
        check_story(path)


def test_nobody_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path / "tape", numbered(scene()))
    main([str(tmp_path / "tape"), "--stand", "entrance"])
    told = capsys.readouterr().out
    assert told.count('{"seen"') == 120
    for name in NAMES:
        assert name not in told
    assert str(START_US)[:8] not in told, "not even the day is left"
