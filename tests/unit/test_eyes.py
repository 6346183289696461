"""Open, shut and unknown eyes."""

import numpy as np
import pytest

from processors.observe.perception.eyes import (
    HALVES,
    LEFT_EYE,
    RIGHT_EYE,
    eye_aspect_ratio,
    eyes_open,
)
from processors.observe.perception.mesh import POINTS, Mesh
from schemas.ports import Floats


def eye(ratio: float) -> Floats:
    half = ratio * 30 / 2
    points = [(0, 0), (10, -half), (20, -half), (30, 0), (20, half), (10, half)]
    return np.array(points, dtype=np.float32)


def face(right: float, left: float, far_half: float = 1.0) -> Mesh:
    points = np.zeros((POINTS, 2), dtype=np.float32)
    points[RIGHT_EYE], points[LEFT_EYE] = eye(right) - 40, eye(left) + 10
    points[HALVES] = [(0, 0), (-60, 0), (60 * far_half, 0)]
    return Mesh(points_px=points, depth=np.zeros(POINTS, dtype=np.float32), presence=1.0)


@pytest.mark.parametrize("ratio", [0.0, 0.15, 0.4])
def test_the_ratio_is_height_over_width(ratio: float) -> None:
    assert eye_aspect_ratio(eye(ratio)) == pytest.approx(ratio, abs=1e-5)


@pytest.mark.parametrize(
    ("right", "left", "expected"), [(0.3, 0.3, True), (0.1, 0.1, False), (0.1, 0.3, True)]
)
def test_one_open_eye_is_enough(right: float, left: float, expected: bool) -> None:
    assert eyes_open(face(right, left)) is expected


def test_a_face_turned_away_is_unknown() -> None:
    assert eyes_open(face(0.1, 0.1, far_half=0.2)) is None


def test_an_eye_without_width_is_shut() -> None:
    assert eye_aspect_ratio(np.zeros((6, 2), dtype=np.float32)) == 0.0
