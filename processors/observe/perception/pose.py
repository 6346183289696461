"""Reads the head's pose from the mesh: yaw, pitch and roll."""

import math

import numpy as np

from processors.observe.perception.mesh import POINTS, Mesh
from schemas.events import Pose

Vector = tuple[float, float, float]
"""Plain floats: three numbers are done before numpy has begun."""

RIGHT_POINTS = np.array(
    (33, 133, 61, 127, 234, 93, 58, 172, 136, 129, 98, 70, 105, 107, 50, 205, 54, 103, 67)
)
LEFT_POINTS = np.array(
    (263, 362, 291, 356, 454, 323, 288, 397, 365, 358, 327, 300, 334, 336, 280, 425, 284, 332, 297)
)
"""Pairs of points that mirror each other, spread over eyes, brows, nose, mouth, cheeks and temples."""
FOREHEAD_POINTS = np.array((10, 151, 9, 8, 168))
NOSE_BASE_POINTS = np.array((2, 94, 164))
"""Points of the middle line that no expression moves: the jaw is left out."""
AXES = np.zeros((2, POINTS), dtype=np.float32)
"""Weights of the mesh points in the side axis (right to left of the person) and the middle line (down)."""
AXES[0, LEFT_POINTS], AXES[0, RIGHT_POINTS] = 1 / len(LEFT_POINTS), -1 / len(RIGHT_POINTS)
AXES[1, NOSE_BASE_POINTS], AXES[1, FOREHEAD_POINTS] = 1 / len(NOSE_BASE_POINTS), -1 / len(FOREHEAD_POINTS)
DEPTH_GAIN = 1.06
"""The network's depth is a little too flat: with this gain the 3-D distances of the outer eye corners, the
cheeks and the temples stay the same whatever the yaw (least squares over 249 still faces: 1.05 to 1.08)."""
LEVEL_PITCH_DEG = 9.0
"""What the line from forehead to nose base reads when a person looks straight ahead: it leans back. Half way
between the median of press portraits (4) and that of people who look into a webcam or a stand's camera
(11 to 20, mean 13); single people differ from it by up to 11 degrees."""


def estimate_pose(mesh: Mesh) -> Pose:
    """The head's pose towards the camera: who looks into the lens has yaw and pitch 0 at any place.

    Returns:
        The pose, degrees. Reliable to about 50 degrees of yaw, flattened beyond, never reading frontal.

    Source: the head's side axis is the mean of the mirror pairs, its down axis the middle line without its
    share of the side axis (Gram-Schmidt), the direction of the face their cross product. A `solvePnP` of six
    landmarks was tried instead: it jumps between two solutions near 0 (+29, -37 degrees in two frames).
    """
    across, along = _axes(mesh)
    side = _unit(across)
    shared = _dot(side, along)
    down = _unit((along[0] - shared * side[0], along[1] - shared * side[1], along[2] - shared * side[2]))
    ahead = _levelled(_cross(down, side), down)
    return Pose(
        yaw_deg=math.degrees(math.atan2(ahead[0], -ahead[2])),
        pitch_deg=math.degrees(math.asin(max(-1.0, min(1.0, -ahead[1])))),
        roll_deg=math.degrees(math.atan2(side[1], side[0])),
    )


def _axes(mesh: Mesh) -> tuple[Vector, Vector]:
    """The side axis and the middle line, not yet of length 1."""
    flat, deep = AXES @ mesh.points_px, AXES @ mesh.depth * DEPTH_GAIN
    (ax, ay), (bx, by) = flat.tolist()
    az, bz = deep.tolist()
    return (ax, ay, az), (bx, by, bz)


def _levelled(ahead: Vector, down: Vector) -> Vector:
    """The direction of the face turned down about the side axis by the lean of the middle line."""
    c, s = math.cos(math.radians(LEVEL_PITCH_DEG)), math.sin(math.radians(LEVEL_PITCH_DEG))
    return (ahead[0] * c + down[0] * s, ahead[1] * c + down[1] * s, ahead[2] * c + down[2] * s)


def _unit(vector: Vector) -> Vector:
    length = math.hypot(*vector)
    return (vector[0] / length, vector[1] / length, vector[2] / length) if length > 0 else vector


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cross(a: Vector, b: Vector) -> Vector:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
