"""Pose of a face whose turn is known, and its sign conventions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.observe.perception.mesh import POINTS, Mesh
from processors.observe.perception.pose import (
    DEPTH_GAIN,
    FOREHEAD_POINTS,
    LEFT_POINTS,
    LEVEL_PITCH_DEG,
    NOSE_BASE_POINTS,
    RIGHT_POINTS,
    estimate_pose,
)
from schemas.events import Pose

LEAN = math.radians(LEVEL_PITCH_DEG)


def face(yaw_deg: float = 0.0, pitch_deg: float = 0.0, roll_deg: float = 0.0, size_px: float = 50.0) -> Mesh:
    """A face in camera axes (x right, y down, depth away), turned first up, then to its left, then rolled."""
    surface = np.zeros((POINTS, 3))
    surface[LEFT_POINTS, 0], surface[RIGHT_POINTS, 0] = 1.0, -1.0
    surface[FOREHEAD_POINTS] = (0, -math.cos(LEAN), math.sin(LEAN))
    surface[NOSE_BASE_POINTS] = (0, math.cos(LEAN), -math.sin(LEAN))
    yaw, pitch, roll = (math.radians(angle) for angle in (yaw_deg, pitch_deg, roll_deg))
    up = np.array([[1, 0, 0], [0, math.cos(pitch), math.sin(pitch)], [0, -math.sin(pitch), math.cos(pitch)]])
    left = np.array([[math.cos(yaw), 0, -math.sin(yaw)], [0, 1, 0], [math.sin(yaw), 0, math.cos(yaw)]])
    tilt = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    turned = surface @ (tilt @ left @ up).T * size_px
    return Mesh(
        points_px=(turned[:, :2] + [320, 180]).astype(np.float32),
        depth=(turned[:, 2] / DEPTH_GAIN).astype(np.float32),
        presence=1.0,
    )


def pose_of(mesh: Mesh) -> Pose:
    return estimate_pose(mesh)


def test_straight_ahead_is_zero() -> None:
    pose = pose_of(face())
    assert (pose.yaw_deg, pose.pitch_deg, pose.roll_deg) == pytest.approx((0, 0, 0), abs=0.01)


def test_turning_to_the_own_left_moves_the_nose_to_the_right_of_the_picture() -> None:
    turned = face(yaw_deg=30)
    towards = turned.depth[RIGHT_POINTS].mean() - turned.depth[LEFT_POINTS].mean()
    assert towards < 0, "the right cheek comes nearer"
    assert pose_of(turned).yaw_deg == pytest.approx(30, abs=0.1)


def test_looking_up_is_positive() -> None:
    raised = face(pitch_deg=20)
    assert raised.depth[FOREHEAD_POINTS].mean() > raised.depth[NOSE_BASE_POINTS].mean(), "the brow goes back"
    assert pose_of(raised).pitch_deg == pytest.approx(20, abs=0.1)


def test_tilting_to_the_own_left_shoulder_is_positive() -> None:
    tilted = face(roll_deg=15)
    right, left = (tilted.points_px[side].mean(axis=0) for side in (RIGHT_POINTS, LEFT_POINTS))
    assert left[1] > right[1], "the left eye is lower in the picture"
    assert pose_of(tilted).roll_deg == pytest.approx(15, abs=0.1)


@given(st.floats(-75, 75), st.floats(-45, 45), st.floats(10, 400))
def test_a_known_turn_is_read_at_any_size(yaw: float, pitch: float, size: float) -> None:
    pose = pose_of(face(yaw_deg=yaw, pitch_deg=pitch, size_px=size))
    assert (pose.yaw_deg, pose.pitch_deg) == pytest.approx((yaw, pitch), abs=0.2)


@given(st.floats(-75, 75), st.floats(-45, 45))
def test_the_mirror_picture_has_the_opposite_yaw(yaw: float, pitch: float) -> None:
    here, mirrored = pose_of(face(yaw_deg=yaw, pitch_deg=pitch)), pose_of(face(yaw_deg=-yaw, pitch_deg=pitch))
    assert (mirrored.yaw_deg, mirrored.pitch_deg) == pytest.approx((-here.yaw_deg, here.pitch_deg), abs=0.2)


def test_a_collapsed_mesh_has_a_pose_all_the_same() -> None:
    flat = np.zeros((POINTS, 2), dtype=np.float32)
    pose = pose_of(Mesh(points_px=flat, depth=flat[:, 0], presence=0.0))
    assert all(math.isfinite(angle) for angle in (pose.yaw_deg, pose.pitch_deg, pose.roll_deg))
