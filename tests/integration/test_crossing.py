"""Two real faces that pass before each other, and one that is hidden: their tracks survive."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from onlooker.models.cache import ModelCache
from onlooker.settings.configuration import Settings
from onlooker.wiring import build_eyes, cache_dir
from processors.observe.seen import SeenFace
from schemas.ports import Pixels

pytestmark = pytest.mark.models
Frames = Iterator[tuple[Pixels, int]]


@pytest.fixture(scope="module")
def group(model_paths: Mapping[str, Path]) -> Pixels:
    """Five people; two of them are cut out below."""
    assert model_paths
    picture = cv2.imread(str(ModelCache(cache_dir()).sample_path("multi_face.jpg")))
    assert picture is not None
    return np.asarray(picture, dtype=np.uint8)


def stage(group: Pixels) -> Pixels:
    return np.asarray(cv2.GaussianBlur(group[0:360, 0:640], (0, 0), 25), dtype=np.uint8)


def woman_in_front(group: Pixels) -> Pixels:
    return group[270:470, 510:660]


def woman_behind(group: Pixels) -> Pixels:
    return group[225:420, 290:440]


def crossing(group: Pixels, frames: int, fps: int) -> Frames:
    """One walks to the right, the other before her to the left."""
    behind, front = woman_behind(group), woman_in_front(group)
    for i in range(frames):
        canvas, way = stage(group), i / (frames - 1)
        for cut, top, left in ((behind, 100, 30 + way * 430), (front, 90, 460 - way * 430)):
            x = round(left)
            canvas[top : top + cut.shape[0], x : x + cut.shape[1]] = cut
        yield canvas, i * 1_000_000 // fps


def hidden_for(group: Pixels, hidden: int) -> Frames:
    """She walks to the right and cannot be seen for some frames."""
    cut = woman_behind(group)
    for i in range(20 + hidden + 15):
        canvas, x = stage(group), 50 + i * 4
        if not 20 <= i < 20 + hidden:
            canvas[100 : 100 + cut.shape[0], x : x + cut.shape[1]] = cut
        yield canvas, i * 1_000_000 // 12


def seen_in(frames: Frames) -> list[tuple[SeenFace, ...]]:
    observe = build_eyes(Settings(), gallery=None).new_video_observer("made")
    return [observe(picture, t_us) for picture, t_us in frames]


def places(faces: tuple[SeenFace, ...]) -> dict[int | None, float]:
    """Where each track is, left to right."""
    return {face.track_number: face.box_px[0] for face in faces}


@pytest.mark.parametrize(("frames", "fps"), [(60, 12), (30, 12), (100, 25)])
def test_two_people_who_cross_keep_their_tracks(group: Pixels, frames: int, fps: int) -> None:
    seen = seen_in(crossing(group, frames, fps))
    first, last = places(seen[2]), places(seen[-3])
    assert len(first) == len(last) == 2
    assert min(first, key=lambda track: first[track]) == max(last, key=lambda track: last[track])
    assert {face.track_number for faces in seen for face in faces} == {1, 2}


@pytest.mark.parametrize(("hidden", "tracks"), [(3, {1}), (12, {1}), (24, {1, 2})])
def test_a_face_keeps_its_track_over_a_second_but_not_over_two(
    group: Pixels, hidden: int, tracks: set[int]
) -> None:
    seen = seen_in(hidden_for(group, hidden))
    assert {face.track_number for faces in seen for face in faces} == tracks
    assert sum(not faces for faces in seen) >= hidden
