"""OBSERVE over made-up worlds: tracks survive short gaps, end at scene cuts, and begin only when sure."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pytest

from processors.observe.describe import DescribeOptions, Describer
from processors.observe.faculties import Faculties
from processors.observe.observer import CameraState, ObserveOptions, Observer
from processors.observe.perception.age_gender import AgeGender
from processors.observe.perception.detection import Detection
from processors.observe.perception.expression import Expression
from processors.observe.perception.mesh import Mesh, Region
from processors.observe.seen import SeenFace
from processors.vision.boxes import Box, centre
from schemas.events import EXPRESSIONS, Pose
from schemas.ports import Floats, Pixels

World = Mapping[int, Sequence[Box]]
"""The faces of each frame; the number of the frame is written into the picture."""
PERIOD_US = 100_000


@pytest.fixture(autouse=True)
def _good_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    """The made-up pictures show no face that could be judged."""
    monkeypatch.setattr("processors.observe.describe.face_quality", lambda *_: 0.8)
    monkeypatch.setattr(
        "processors.observe.observer.confirms", lambda mesh, _, *, min_presence: mesh.presence >= min_presence
    )


def picture(frame: int, shade: int = 100) -> Pixels:
    noise = np.random.default_rng(shade).integers(0, 100, (9, 16, 3), dtype=np.uint8)
    canvas = np.kron(noise, np.ones((30, 30, 1), dtype=np.uint8)) + np.uint8(shade)
    canvas[0, 0] = (frame % 250, frame // 250, 0)
    return canvas


def number_of(canvas: Pixels) -> int:
    return int(canvas[0, 0, 0]) + 250 * int(canvas[0, 0, 1])


class Detector:
    def __init__(self, world: World, score: float = 0.9) -> None:
        self.world, self.score, self.runs = world, score, 0

    def detect(self, canvas: Pixels) -> tuple[Detection, ...]:
        self.runs += 1
        points = np.zeros((5, 2), dtype=np.float32)
        points[1, 0] = 1
        return tuple(
            Detection(box_px=box, points_px=points + np.float32(box[0]), score=self.score)
            for box in self.world.get(number_of(canvas), ())
        )


class Fitter:
    """Finds the face nearest to the middle of the region, if it is within a third of its side."""

    def __init__(self, world: World) -> None:
        self.world = world

    def fit(self, canvas: Pixels, region: Region) -> Mesh:
        best, presence = (0.0, 0.0, 1.0, 1.0), 0.0
        for box in self.world.get(number_of(canvas), ()):
            x, y = centre(box)
            if np.hypot(x - region.x_px, y - region.y_px) < region.side_px / 3:
                best, presence = box, 1.0
        t = np.linspace(0, 1, 468)
        points = np.column_stack([best[0] + best[2] * t, best[1] + best[3] * t]).astype(np.float32)
        return Mesh(points_px=points, depth=np.zeros(468, dtype=np.float32), presence=presence)


class Templates:
    """A person is where they stand: the left half of the picture is one person, the right another."""

    def extract_robust(self, canvas: Pixels, points: Floats, landmarks: Floats) -> Floats:
        return self.extract(canvas, points)

    def extract(self, canvas: Pixels, points: Floats) -> Floats:
        template = np.zeros(128, dtype=np.float32)
        template[int(points[0, 0] > 240)] = 1
        return template


class Expressions:
    def classify(self, canvas: Pixels, *_: Any) -> Expression:
        scores = tuple(1.0 if label == "happy" else 0.0 for label in EXPRESSIONS)
        return Expression(label="happy", scores=scores)


class Ages:
    def estimate(self, canvas: Pixels, landmarks: Floats) -> AgeGender:
        return AgeGender(age_years=30, female_probability=0.9)


def observer_of(world: World, *, score: float = 0.9) -> tuple[Observer, Detector]:
    detector = Detector(world, score)
    faculties = Faculties(
        detector=cast(Any, detector),
        fitter=cast(Any, Fitter(world)),
        templates=cast(Any, Templates()),
        expressions=cast(Any, Expressions()),
        ages=cast(Any, Ages()),
    )
    return Observer(faculties, Describer(faculties, None, DescribeOptions()), ObserveOptions()), detector


def seen_in(world: World, frames: int, *, cut_at: int | None = None, score: float = 0.9) -> list[list[int]]:
    """The track numbers of every frame."""
    observer, _ = observer_of(world, score=score)
    state = CameraState(stand_id="s", camera_id="c")
    numbers = []
    for frame in range(frames):
        canvas = picture(frame, 150 if cut_at is not None and frame >= cut_at else 100)
        state, faces = observer.step(state, canvas, frame * PERIOD_US)
        numbers.append([number for number in map(track_number, faces) if number is not None])
    return numbers


def track_number(face: SeenFace) -> int | None:
    return face.track_number


def standing(frames: range, *boxes: Box) -> dict[int, Sequence[Box]]:
    return dict.fromkeys(frames, boxes)


def test_a_standing_face_is_one_track() -> None:
    assert seen_in(standing(range(30), (100, 100, 40, 40)), 30) == [[1]] * 30


def test_an_empty_scene_has_no_track() -> None:
    assert seen_in({}, 10) == [[]] * 10


def test_a_face_hidden_for_a_second_keeps_its_track() -> None:
    world = {**standing(range(10), (100, 100, 40, 40)), **standing(range(19, 30), (105, 100, 40, 40))}
    numbers = seen_in(world, 30)
    assert {n for frame in numbers for n in frame} == {1}
    assert numbers[10:19] == [[]] * 9


@pytest.mark.parametrize(("hidden", "looks"), [(4, True), (5, False)])
def test_a_gap_forgets_that_a_face_looked(
    monkeypatch: pytest.MonkeyPatch, *, hidden: int, looks: bool
) -> None:
    """Between the limits a face looks on if it did; MEASURE knows nothing of it after half a second."""
    yaws_deg = iter([0.0] * 10 + [25.0] * 10)
    monkeypatch.setattr(
        "processors.observe.describe.estimate_pose",
        lambda _: Pose(yaw_deg=next(yaws_deg), pitch_deg=0, roll_deg=0),
    )
    box = (100, 100, 40, 40)
    observer, _ = observer_of({**standing(range(10), box), **standing(range(10 + hidden, 18), box)})
    state, seen = CameraState(stand_id="s", camera_id="c"), []
    for frame in range(18):
        state, faces = observer.step(state, picture(frame), frame * PERIOD_US)
        seen += [(face.track_number, face.looking) for face in faces]
    assert seen[:10] == [(1, True)] * 10
    assert set(seen[10:]) == {(1, looks)}


def test_a_face_hidden_for_long_is_a_new_track() -> None:
    world = {**standing(range(10), (100, 100, 40, 40)), **standing(range(30, 40), (100, 100, 40, 40))}
    assert {n for frame in seen_in(world, 40) for n in frame} == {1, 2}


def test_tracks_do_not_survive_a_scene_cut() -> None:
    numbers = seen_in(standing(range(20), (100, 100, 40, 40)), 20, cut_at=10)
    assert numbers == [[1]] * 10 + [[2]] * 10


def test_another_person_in_the_same_place_is_another_track() -> None:
    """Both stand near the middle, on different sides of it: the template tells them apart."""
    world = {**standing(range(10), (225, 100, 40, 40)), **standing(range(15, 30), (245, 100, 40, 40))}
    assert {n for frame in seen_in(world, 30) for n in frame} == {1, 2}


def test_two_faces_are_two_tracks_also_when_one_leaves() -> None:
    world = {
        **standing(range(10), (100, 100, 40, 40), (300, 100, 40, 40)),
        **standing(range(10, 20), (300, 100, 40, 40)),
    }
    numbers = seen_in(world, 20)
    assert numbers[:10] == [[1, 2]] * 10
    assert numbers[10:] == [[2]] * 10


def test_a_track_does_not_outlast_a_silence_of_its_camera() -> None:
    observer, _ = observer_of(standing(range(20), (100, 100, 40, 40)))
    state, numbers = CameraState(stand_id="s", camera_id="c"), []
    for frame in range(20):
        silence_us = 0 if frame < 10 else 10_000_000
        state, faces = observer.step(state, picture(frame), frame * PERIOD_US + silence_us)
        numbers.append([track_number(face) for face in faces])
    assert numbers == [[1]] * 10 + [[2]] * 10


def test_a_weak_detection_begins_no_track() -> None:
    assert seen_in(standing(range(10), (100, 100, 40, 40)), 10, score=0.65) == [[]] * 10


def test_the_detector_rests_while_the_mesh_follows() -> None:
    observer, detector = observer_of(standing(range(20), (100, 100, 40, 40)))
    state = CameraState(stand_id="s", camera_id="c")
    for frame in range(20):
        state, _ = observer.step(state, picture(frame), frame * PERIOD_US)
    assert detector.runs == 10


def test_the_same_frames_give_the_same_tracks() -> None:
    world = standing(range(10), (100, 100, 40, 40), (300, 100, 40, 40))
    first, second = run_ids(world), run_ids(world)
    assert first == second
    assert len(set(first)) == 2


def run_ids(world: World) -> list[str]:
    observer, _ = observer_of(world)
    state = CameraState(stand_id="s", camera_id="c")
    ids = []
    for frame in range(10):
        state, faces = observer.step(state, picture(frame), frame * PERIOD_US)
        ids += [str(face.track_id) for face in faces]
    return ids


def test_printing_a_state_shows_no_template() -> None:
    observer, _ = observer_of(standing(range(10), (100, 100, 40, 40)))
    state = CameraState(stand_id="s", camera_id="c")
    for frame in range(10):
        state, _ = observer.step(state, picture(frame), frame * PERIOD_US)
    described = next(iter(state.described.values()))
    assert described.template is not None, "the face is good enough to be embedded"
    assert "template" not in repr(described).replace("template_", "")
