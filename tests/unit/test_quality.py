"""Quality falls with blur, with distance and with a turned head."""

import numpy as np
import pytest

from processors.observe.perception.mesh import POINTS, Mesh
from processors.observe.perception.quality import face_quality, face_sharpness, frontalness
from processors.vision.pixels import resized
from schemas.events import Pose
from schemas.ports import Pixels


def pose(yaw_deg: float = 0.0, pitch_deg: float = 0.0) -> Pose:
    return Pose(yaw_deg=yaw_deg, pitch_deg=pitch_deg, roll_deg=0.0)


def face_over(left: float, top: float, side: float) -> Mesh:
    grid = np.linspace(0, side, POINTS)
    points = np.column_stack([grid + left, np.roll(grid, 100) + top]).astype(np.float32)
    return Mesh(points_px=points, depth=np.zeros(POINTS, dtype=np.float32), presence=1.0)


def pattern(detail_px: int) -> Pixels:
    """A picture of 192 px whose smallest features are so large."""
    noise = np.random.default_rng(5).integers(0, 256, (192 // detail_px, 192 // detail_px, 3), dtype=np.uint8)
    return resized(noise, 192, 192)


def test_a_blurred_face_is_worse_than_a_sharp_one() -> None:
    face = face_over(16, 16, 160)
    sharpness = [face_sharpness(pattern(detail_px), face) for detail_px in (4, 16, 48)]
    assert sharpness == sorted(sharpness, reverse=True)
    assert sharpness[0] == 1.0
    assert sharpness[2] < 0.3


def test_contrast_does_not_count_as_sharpness() -> None:
    face, picture = face_over(16, 16, 160), pattern(12)
    faint = (picture // 2 + 60).astype(np.uint8)
    assert face_sharpness(faint, face) == pytest.approx(face_sharpness(picture, face), abs=0.05)


def test_a_small_face_is_worse_than_a_large_one() -> None:
    large = face_quality(pattern(2), face_over(40, 40, 100), pose())
    small = face_quality(pattern(2), face_over(40, 40, 25), pose())
    assert 0 < small < large <= 1


@pytest.mark.parametrize(
    ("yaw", "pitch", "expected"), [(0, 0, 1.0), (-60, 0, 0.0), (0, 40, 0.5), (90, 0, 0.0)]
)
def test_frontalness_falls_to_nothing(yaw: float, pitch: float, expected: float) -> None:
    assert frontalness(pose(yaw, pitch)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("place", [(-500.0, -500.0), (190.5, 10.0), (5000.0, 0.0)])
def test_a_face_outside_the_picture_has_no_quality(place: tuple[float, float]) -> None:
    assert face_quality(pattern(4), face_over(*place, 60), pose()) == 0.0


def test_a_flat_picture_has_no_quality() -> None:
    assert face_quality(np.full((192, 192, 3), 90, dtype=np.uint8), face_over(16, 16, 160), pose()) == 0.0
