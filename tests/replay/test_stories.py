"""Golden stories: what people did before a stand, and the figures that must come out of it.

A story is a file of JSON lines: `tell` (what happens), `options`, `camera`, `crowd` and `play` (the scene, in
seconds), then what is expected of the latest versions: every `visit`, every `window`, and `ignored` events.
Expected lines name only some fields; a field `x_s` is compared with `x_us` in seconds. Cameras may `lag_s`
behind in the order of arrival. `"end": false` leaves the stream open. `visits` expects many equal ones.
`change` gives the worker that goes on `at_s` other `options`. A `seen` is one observation of a recording:
`python -m tests.replay.story_of` makes such stories.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from processors.measure.aligned import AlignedMeasure
from processors.measure.fold import MeasureOptions
from processors.measure.state import StandState
from schemas.events import (
    FaceObservations,
    MeasureInput,
    MeasureOutput,
    StreamEnded,
    VisitEnded,
    WindowClosed,
)
from schemas.units import US_PER_S, us_from_s
from tests.replay.measure_scenes import (
    Camera,
    Person,
    Seen,
    Showing,
    frames,
    identity,
    play,
    run,
    seen,
)

STORIES = sorted((Path(__file__).parent / "stories").glob("*.jsonl"))
Line = dict[str, Any]


class Story:
    """One file: its scene, and what is expected of one stand after another."""

    def __init__(self, path: Path) -> None:
        self.lines: list[Line] = [msgspec.json.decode(text) for text in path.read_text().splitlines() if text]

    def only(self, key: str, stand_id: str) -> list[Any]:
        """The values of one kind of line for one stand."""
        return [line[key] for line in self.lines if key in line and line.get("stand", "s") == stand_id]

    @property
    def stands(self) -> list[str]:
        return sorted({line.get("stand", "s") for line in self.lines})

    def events(self) -> list[MeasureInput]:
        """The events of all stands in the order of their arrival."""
        arriving: list[tuple[float, int, MeasureInput]] = []
        for stand_id in self.stands:
            for lag_s, event in self._scene(stand_id):
                begin_us = event.start_us if not hasattr(event, "t_us") else event.t_us  # type: ignore[union-attr]
                arriving.append((begin_us + us_from_s(lag_s), len(arriving), event))
        return [event for _, _, event in sorted(arriving, key=lambda each: each[:2])]

    def _scene(self, stand_id: str) -> list[tuple[float, MeasureInput]]:
        made: list[tuple[float, MeasureInput]] = []
        for value in self.only("play", stand_id):
            lag_s = value.pop("lag_s", 0.0)
            made.append((lag_s, play(stand_id, msgspec.convert(value, Showing))))
        people = tuple(each for value in self.only("crowd", stand_id) for each in _crowd(value))
        for value in self.only("camera", stand_id):
            lag_s = value.pop("lag_s", 0.0)
            camera = msgspec.convert(value, Camera)
            camera = msgspec.structs.replace(camera, people=camera.people + people)
            made += [(lag_s, event) for event in frames(stand_id, camera)]
        made += [(0.0, seen(stand_id, msgspec.convert(value, Seen))) for value in self.only("seen", stand_id)]
        return made


def _crowd(value: Line) -> list[Person]:
    like = msgspec.convert(value["like"], Person)
    return [
        msgspec.structs.replace(
            like,
            track=f"{like.track}{index}",
            from_s=like.from_s + index * value["every_s"],
            to_s=like.to_s + index * value["every_s"],
            looks=tuple((a + index * value["every_s"], b + index * value["every_s"]) for a, b in like.looks),
        )
        for index in range(value["count"])
    ]


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_story_gives_the_expected_figures(path: Path) -> None:
    story = Story(path)
    options = msgspec.convert((story.only("options", "s") or [{}])[0], MeasureOptions)
    ends = (story.only("end", "s") or [True])[0]
    events = story.events()
    for stand_id in story.stands:
        change = story.only("change", stand_id)
        state, facts = (
            _changed(stand_id, events, options, change[0])
            if change
            else run(stand_id, events, options, end=ends)
        )
        _check_visits(story, stand_id, facts)
        _check_windows(story, stand_id, facts)
        _check_ignored(story, stand_id, state)


def _changed(
    stand_id: str, events: list[MeasureInput], options: MeasureOptions, change: Line
) -> tuple[StandState, list[MeasureOutput]]:
    """Two workers after each other; the second begins with the first event at or after `at_s`."""
    first, second = (
        AlignedMeasure(each) for each in (options, msgspec.convert(change["options"], MeasureOptions))
    )
    at_us, fold, state = us_from_s(change["at_s"]), first, first.new_state(stand_id)
    facts: list[MeasureOutput] = []
    for event in (*events, StreamEnded(stand_id=stand_id)):
        if fold is first and isinstance(event, FaceObservations) and event.t_us >= at_us:
            fold, state = second, second.restored(first.kept(state))
        state, more = fold.step(state, event)
        facts.extend(more)
    return state.stand, facts


def test_every_asked_story_is_told() -> None:
    assert len(STORIES) >= 14


def _check_visits(story: Story, stand_id: str, facts: list[MeasureOutput]) -> None:
    found = [_plain(fact) for fact in _latest(facts) if isinstance(fact, VisitEnded)]
    expected = list(story.only("visit", stand_id))
    for many in story.only("visits", stand_id):
        expected += [many["each"]] * many["count"]
    assert len(found) == len(expected), found
    for fact, wanted in zip(found, expected, strict=True):
        _match({**fact["visit"], "exposures": fact["exposures"]}, wanted, "visit")


def _check_windows(story: Story, stand_id: str, facts: list[MeasureOutput]) -> None:
    found = [_plain(fact) for fact in _latest(facts) if isinstance(fact, WindowClosed)]
    expected = story.only("window", stand_id)
    assert len(found) == len(expected), found
    for fact, wanted in zip(found, expected, strict=True):
        _match(fact, wanted, "window")


def _check_ignored(story: Story, stand_id: str, state: StandState) -> None:
    expected = {key: value for wanted in story.only("ignored", stand_id) for key, value in wanted.items()}
    counts: Line = msgspec.to_builtins(state.ignored)
    assert {key: count for key, count in counts.items() if count} == expected


def _latest(facts: list[MeasureOutput]) -> list[MeasureOutput]:
    """The last version of each fact, in the order in which the facts first came."""
    return list({identity(fact): fact for fact in facts}.values())


def _plain(fact: MeasureOutput) -> Line:
    plain: Line = msgspec.to_builtins(fact)
    return plain


def _match(found: Any, wanted: Any, where: str) -> None:
    if isinstance(wanted, dict):
        for key, value in wanted.items():
            inside = key if key in found else f"{key.removesuffix('_s')}_us"
            actual = found[inside] if key in found else _in_seconds(found[inside])
            _match(actual, value, f"{where}.{key}")
    elif isinstance(wanted, list):
        assert len(found) == len(wanted), (where, found)
        for index, (actual, value) in enumerate(zip(found, wanted, strict=True)):
            _match(actual, value, f"{where}[{index}]")
    else:
        assert found == wanted, (where, found, wanted)


def _in_seconds(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [each / US_PER_S for each in value]
    return None if value is None else value / US_PER_S
