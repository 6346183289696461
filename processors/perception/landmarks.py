"""Turns the mesh into the 68 iBUG landmarks."""

import numpy as np

from processors.perception.mesh import Mesh
from schemas.ports import Floats

JAW = (162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389)
BROWS = (71, 63, 105, 66, 107, 336, 296, 334, 293, 301)
NOSE = (168, 197, 5, 4, 75, 97, 2, 326, 305)
EYES = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
MOUTH = (61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87)
MESH_POINT = np.array(JAW + BROWS + NOSE + EYES + MOUTH)
"""The mesh point of each of the 68 landmarks, in iBUG order."""


def landmarks_68(mesh: Mesh) -> Floats:
    """The 68 landmarks of a face in iBUG order.

    Args:
        mesh: the face.

    Returns:
        (68, 2) float32, px of the picture.
    """
    points: Floats = mesh.points_px[MESH_POINT]
    return points


def five_points(landmarks: Floats) -> Floats:
    """The five points that a face template is aligned by.

    Args:
        landmarks: (68, 2), iBUG order, px.

    Returns:
        (5, 2) float32: right eye, left eye, nose tip, right and left mouth corner of the person, px.
    """
    eyes = landmarks[36:48].reshape(2, 6, 2).mean(axis=1)
    return np.concatenate([eyes, landmarks[[30, 48, 54]]]).astype(np.float32)
