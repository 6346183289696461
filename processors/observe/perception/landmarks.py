"""Turns the mesh into the 68 iBUG landmarks."""

import numpy as np

from processors.observe.perception.mesh import Mesh
from schemas.ports import Floats

RIGHT_JAW = (127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152)
LEFT_JAW = (377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356)
JAW_LINE = np.array([*RIGHT_JAW, *LEFT_JAW])
"""The mesh's outline from the person's right ear at the level of the eyes over the chin to the left ear."""
JAW_LANDMARKS = 17
BROWS = (71, 63, 105, 66, 107, 336, 296, 334, 293, 301)
NOSE = (168, 197, 5, 4, 75, 97, 2, 326, 305)
EYES = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
MOUTH = (61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87)
INNER = np.array(BROWS + NOSE + EYES + MOUTH)
"""The mesh point of each landmark from 17 to 67, in iBUG order."""


def landmarks_68(mesh: Mesh) -> Floats:
    """The 68 landmarks of a face in iBUG order.

    Returns:
        (68, 2) float32, px of the picture.

    Source: iBUG spaces the 17 points of the jaw evenly between the ears at the level of the eyes, so they
    are evenly spaced along the mesh's outline here, in 3-D, which a turn of the head does not change. The
    others are the mesh points with the same meaning.
    """
    return np.concatenate([_jaw(mesh), mesh.points_px[INNER]])


def _jaw(mesh: Mesh) -> Floats:
    """(17, 2) points at equal distances along the outline."""
    line = mesh.points_px[JAW_LINE]
    steps = np.hypot(np.hypot(*np.diff(line, axis=0).T), np.diff(mesh.depth[JAW_LINE]))
    along = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.linspace(0.0, along[-1], JAW_LANDMARKS)
    jaw = [np.interp(wanted, along, line[:, axis]) for axis in (0, 1)]
    return np.stack(jaw, axis=1).astype(np.float32)


def five_points(landmarks: Floats) -> Floats:
    """The five points that a face template is aligned by.

    Args:
        landmarks: (68, 2), iBUG order, px.

    Returns:
        (5, 2) float32: right eye, left eye, nose tip, right and left mouth corner of the person, px.
    """
    eyes = landmarks[36:48].reshape(2, 6, 2).mean(axis=1)
    return np.concatenate([eyes, landmarks[[30, 48, 54]]]).astype(np.float32)
