"""Where the mesh is fitted, how its points come back to the picture, and boxes like the detector's."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.observe.perception.detection import Detection
from processors.observe.perception.mesh import (
    FIVE_POINTS,
    LEFT_EYE_OUTER,
    POINTS,
    RIGHT_EYE_OUTER,
    Mesh,
    MeshFitter,
    Region,
    box_from_mesh,
    confirms,
    crop_to_picture,
    disagreement,
    region_from_detection,
    region_from_mesh,
)
from schemas.ports import Floats

ANGLES = st.floats(-1.5, 1.5)


class OnePlaceNet:
    """Says that all points of the mesh are at one place of the crop."""

    def __init__(self, x: float, y: float, depth: float, logit: float) -> None:
        self.place, self.logit = (x, y, depth), logit
        self.seen: Floats | None = None

    @property
    def output_names(self) -> Sequence[str]:
        return ("points", "presence")

    def run(self, inputs: Mapping[str, Floats]) -> Sequence[Floats]:
        self.seen = inputs["input_1"]
        points = np.tile(np.array(self.place, dtype=np.float32), POINTS)
        return points.reshape(1, 1, 1, -1), np.full((1, 1, 1, 1), self.logit, dtype=np.float32)


def face_at(x: float, y: float, side: float, angle: float) -> Mesh:
    """A mesh whose upright bounding box is a square, turned by an angle."""
    grid = np.linspace(-0.5, 0.5, POINTS)
    upright = np.column_stack([grid, np.roll(grid, POINTS // 3)])
    upright[RIGHT_EYE_OUTER], upright[LEFT_EYE_OUTER] = (-0.3, -0.1), (0.3, -0.1)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    points = upright * side @ turn + [x, y]
    return Mesh(points_px=points.astype(np.float32), depth=np.zeros(POINTS, dtype=np.float32), presence=1.0)


def test_points_come_back_to_the_picture_in_its_scale() -> None:
    region = Region(x_px=100, y_px=60, side_px=96, angle_rad=0.0)
    mesh = MeshFitter(OnePlaceNet(96, 192, 10, 0.0)).fit(np.zeros((120, 200, 3), np.uint8), region)
    np.testing.assert_allclose(mesh.points_px[7], (100, 60 + 48), atol=1e-4)
    assert mesh.depth[0] == pytest.approx(5)
    assert mesh.presence == pytest.approx(0.5)


def test_the_network_sees_rgb_between_0_and_1() -> None:
    net = OnePlaceNet(0, 0, 0, -100.0)
    picture = np.full((200, 200, 3), (255, 0, 51), dtype=np.uint8)
    mesh = MeshFitter(net).fit(picture, Region(x_px=100, y_px=100, side_px=60, angle_rad=0.3))
    assert net.seen is not None
    assert net.seen.shape == (1, 192, 192, 3)
    np.testing.assert_allclose(net.seen[0, 96, 96], (0.2, 0, 1), atol=1e-6)
    assert mesh.presence < 1e-20


@given(st.floats(-100, 700), st.floats(-100, 700), st.floats(10, 500), ANGLES)
def test_the_middle_of_a_crop_is_the_middle_of_its_region(
    x: float, y: float, side: float, angle: float
) -> None:
    affine = crop_to_picture(Region(x_px=x, y_px=y, side_px=side, angle_rad=angle), 192)
    np.testing.assert_allclose(affine @ np.array([96, 96, 1]), (x, y), atol=0.01)
    assert abs(np.linalg.det(affine[:, :2])) == pytest.approx((side / 192) ** 2, rel=1e-3)


@given(st.floats(0, 600), st.floats(0, 400), st.floats(20, 300), ANGLES)
def test_the_next_region_lies_around_the_mesh(x: float, y: float, side: float, angle: float) -> None:
    region = region_from_mesh(face_at(x, y, side, angle))
    assert (region.x_px, region.y_px) == pytest.approx((x, y), abs=side * 0.01)
    assert region.side_px == pytest.approx(1.5 * side, rel=0.01)
    assert region.angle_rad == pytest.approx(angle, abs=0.01)


def test_detector_and_mesh_agree_on_box_and_region() -> None:
    mesh = face_at(200, 150, 80, 0.0)
    points = np.array([[185, 142], [215, 142], [200, 155], [190, 170], [210, 170]], dtype=np.float32)
    detection = Detection(box_px=box_from_mesh(mesh), points_px=points, score=0.9)
    first, following = region_from_detection(detection), region_from_mesh(mesh)
    assert (first.x_px, first.y_px) == pytest.approx((following.x_px, following.y_px), abs=0.1)
    assert first.side_px == pytest.approx(following.side_px, rel=0.01)


def test_the_box_begins_above_the_brow() -> None:
    left, top, width, height = box_from_mesh(face_at(200, 150, 80, 0.0))
    assert (left, top, width, height) == pytest.approx((160, 102, 80, 88), abs=0.01)


def detection_on(mesh: Mesh, shift_px: float) -> Detection:
    points = mesh.points_px[FIVE_POINTS].mean(axis=1) + np.array([shift_px, 0], dtype=np.float32)
    return Detection(box_px=box_from_mesh(mesh), points_px=points.astype(np.float32), score=0.9)


def test_disagreement_is_a_share_of_the_box() -> None:
    mesh = face_at(200, 150, 80, 0.2)
    longer = max(box_from_mesh(mesh)[2:])
    assert disagreement(mesh, detection_on(mesh, 0)) == pytest.approx(0, abs=1e-6)
    assert disagreement(mesh, detection_on(mesh, 9)) == pytest.approx(9 / longer, rel=1e-3)


@pytest.mark.parametrize(
    ("shift_px", "least", "expected"), [(4, 0.5, True), (20, 0.5, False), (4, 1.1, False)]
)
def test_a_mesh_confirms_only_the_face_it_lies_on(shift_px: float, least: float, expected: bool) -> None:
    mesh = face_at(200, 150, 80, 0.0)
    assert confirms(mesh, detection_on(mesh, shift_px), min_presence=least) is expected
