"""Judges how good a picture of a face is: sharpness, size and frontalness."""

import math

import numpy as np

from processors.observe.perception.mesh import Mesh
from processors.vision.pixels import detail, grey, resized
from schemas.events import Pose
from schemas.ports import Pixels

INNER_SHARE = 0.66
"""Share of the face's width and height that is judged: eyes, nose and mouth, without hair and background."""
JUDGED_SIDE_PX = 64
BLURRED_DETAIL, SHARP_DETAIL = 0.10, 0.30
"""Detail that counts as sharpness 0 and 1. Of 125 sharp stills 95 % have more than 0.26, half more than 0.38;
blurred by a Gaussian of 2, 3 and 4 % of the face's size 95 % have less than 0.21, 0.14 and 0.12."""
FULL_SIZE_PX = 96.0
"""A face this large has all the detail that the face template uses."""
USELESS_TURN_DEG = 60.0


def face_quality(picture: Pixels, mesh: Mesh, pose: Pose) -> float:
    """How good the picture is for recognising the face.

    Args:
        picture: (h, w, 3) uint8, BGR.
        mesh: the face.
        pose: its pose.

    Returns:
        Sharpness times root of size times frontalness, each in [0, 1]; below 0.3 it is of little use.
    """
    width, height = np.ptp(mesh.points_px, axis=0)
    size = min(1.0, max(float(width), float(height)) / FULL_SIZE_PX)
    return face_sharpness(picture, mesh) * math.sqrt(size) * frontalness(pose)


def face_sharpness(picture: Pixels, mesh: Mesh) -> float:
    """How sharp the inner face is: 0 for a blurred one, 1 for a sharp one.

    Args:
        picture: (h, w, 3) uint8, BGR.
        mesh: the face.

    Returns:
        Sharpness in [0, 1], measured at 64 px whatever the face's size; 0 for a face outside the picture.
    """
    inner = _inner(picture, mesh)
    if min(inner.shape[:2]) < 2:
        return 0.0
    seen = detail(resized(grey(inner), JUDGED_SIDE_PX, JUDGED_SIDE_PX))
    return max(0.0, min(1.0, (seen - BLURRED_DETAIL) / (SHARP_DETAIL - BLURRED_DETAIL)))


def frontalness(pose: Pose) -> float:
    """How much the face looks at the camera: 1 straight, falling as a cosine to 0 at 60 degrees."""
    turn = min(USELESS_TURN_DEG, math.hypot(pose.yaw_deg, pose.pitch_deg))
    return math.cos(turn / USELESS_TURN_DEG * math.pi / 2)


def _inner(picture: Pixels, mesh: Mesh) -> Pixels:
    low, high = mesh.points_px.min(axis=0), mesh.points_px.max(axis=0)
    (x, y), (across, down) = ((low + high) / 2).tolist(), ((high - low) * (INNER_SHARE / 2)).tolist()
    height, width = picture.shape[:2]
    left, right = (max(0, min(width, int(edge))) for edge in (x - across, x + across))
    top, bottom = (max(0, min(height, int(edge))) for edge in (y - down, y + down))
    return picture[top:bottom, left:right]
