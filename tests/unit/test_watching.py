"""The watch says each thing once: lost, back, silent."""

from typing import Any

import msgspec
import pytest

from onlooker.cameras.watching import CameraWatch, news, trouble
from producers.cameras.buffer import BufferCounts
from producers.cameras.thread import CaptureStatus

WELL = CaptureStatus(
    stand_id="entrance",
    camera_id="door",
    source="rtsp://camera/1",
    phase="streaming",
    frozen=False,
    problem=None,
    silent_s=0.0,
    opened=1,
    reopened=0,
    lost=0,
    frames=10,
    undecodable=0,
    by_cause={},
    buffer=BufferCounts(captured=10, delivered=10, inside=0, inside_bytes=0, dropped_by_cause={}),
)


def changed(**fields: Any) -> CaptureStatus:
    return msgspec.structs.replace(WELL, **fields)


def test_a_camera_that_is_well_is_no_news() -> None:
    assert news(None, WELL) == ()
    assert news(WELL, WELL) == ()


def test_a_camera_may_be_lost_and_back_between_two_looks() -> None:
    said = news(WELL, changed(lost=1, opened=2, reopened=1))
    assert [sentence.split(":")[0] for sentence in said] == [
        "entrance/door is lost",
        "entrance/door is back.",
    ]


def test_each_thing_is_said_once() -> None:
    lost = changed(lost=1, phase="waiting", problem="the connection broke.")
    back = changed(lost=7, opened=2, reopened=1)
    silent = changed(lost=7, opened=2, reopened=1, frozen=True, silent_s=12.0)
    still_lost = changed(lost=7, phase="waiting", problem="the connection broke.")
    story = [WELL, lost, still_lost, back, back, silent, silent]
    said: list[str] = []
    watch = CameraWatch(lambda: [story.pop(0)], said.append)
    while story:
        watch.look()
    assert said == [
        "entrance/door is lost: the connection broke. It is tried again.",
        "entrance/door is back.",
        "entrance/door is silent: no new picture for 12 s.",
    ]


def test_the_end_of_a_recording_is_no_loss() -> None:
    assert news(WELL, changed(lost=1, phase="ended", problem="cut short")) == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"phase": "streaming"}, None),
        ({"phase": "opening"}, None),
        ({"phase": "waiting", "problem": "it does not open"}, "it does not open"),
        ({"phase": "opening", "problem": "it does not open"}, "it does not open"),
        ({"phase": "streaming", "frozen": True, "silent_s": 7.4}, "no new picture for 7 s"),
        ({"phase": "ended", "problem": "it broke"}, None),
    ],
)
def test_the_trouble_of_a_camera_lasts_until_it_gives_pictures(
    changes: dict[str, Any], words: str | None
) -> None:
    assert trouble(changed(**changes)) == words
