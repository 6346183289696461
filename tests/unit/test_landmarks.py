"""The 68 landmarks: their order, an evenly spaced jaw, and no dependence on place, size or turn."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.observe.perception.landmarks import INNER, JAW_LINE, five_points, landmarks_68
from processors.observe.perception.mesh import POINTS, Mesh
from schemas.ports import Floats


def mesh_of(points: Floats, depth: Floats | None = None) -> Mesh:
    flat = np.zeros(POINTS, dtype=np.float32)
    return Mesh(points_px=points.astype(np.float32), depth=flat if depth is None else depth, presence=1.0)


def scattered(seed: int = 1) -> Floats:
    return (np.random.default_rng(seed).random((POINTS, 2)) * 100).astype(np.float32)


def test_there_are_68_in_ibug_order() -> None:
    points = scattered()
    landmarks = landmarks_68(mesh_of(points))
    assert landmarks.shape == (68, 2)
    assert landmarks.dtype == np.float32
    np.testing.assert_array_equal(landmarks[17:], points[INNER])
    np.testing.assert_allclose(landmarks[[0, 16]], points[JAW_LINE[[0, -1]]], atol=1e-4)


def test_the_jaw_is_evenly_spaced_on_a_line_with_uneven_points() -> None:
    points = np.zeros((POINTS, 2), dtype=np.float32)
    points[JAW_LINE, 0] = np.linspace(0, 1, len(JAW_LINE)) ** 3 * 160
    np.testing.assert_allclose(landmarks_68(mesh_of(points))[:17, 0], np.arange(17) * 10, atol=1e-3)


def test_depth_counts_as_length() -> None:
    points = np.zeros((POINTS, 2), dtype=np.float32)
    depth = np.zeros(POINTS, dtype=np.float32)
    half = len(JAW_LINE) // 2
    depth[JAW_LINE[: half + 1]] = np.linspace(0, 80, half + 1)
    depth[JAW_LINE[half:]] = 80
    points[JAW_LINE[half:], 0] = np.linspace(0, 80, len(JAW_LINE) - half)
    jaw = landmarks_68(mesh_of(points, depth))[:17]
    np.testing.assert_allclose(jaw[:9, 0], 0, atol=1e-4)
    np.testing.assert_allclose(jaw[8:, 0], np.arange(9) * 10, atol=1e-3)


@given(st.floats(0.2, 5), st.floats(-3, 3), st.floats(-500, 500))
def test_a_moved_face_has_moved_landmarks(scale: float, angle: float, shift: float) -> None:
    points = scattered()
    turn = scale * np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    there = landmarks_68(mesh_of((points @ turn + shift).astype(np.float32)))
    np.testing.assert_allclose(there, landmarks_68(mesh_of(points)) @ turn + shift, atol=0.05)


def test_five_points_are_eyes_nose_and_mouth() -> None:
    landmarks = np.column_stack([np.arange(68), -np.arange(68)]).astype(np.float32)
    five = five_points(landmarks)
    assert five[:, 0].tolist() == pytest.approx([38.5, 44.5, 30, 48, 54])
    assert five[:, 1].tolist() == pytest.approx([-38.5, -44.5, -30, -48, -54])
