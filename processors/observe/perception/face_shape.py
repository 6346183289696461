"""Measures brows and mouth on the landmarks, whatever the size and tilt of the face."""

import msgspec
import numpy as np

from schemas.ports import Floats

BROWS_AT_REST, BROWS_STEP = 0.36, 0.05
MOUTH_AT_REST, MOUTH_STEP = 0.88, 0.09
"""Typical value and step, in distances between the eyes' middles (frontal faces)."""
MOST_STEPS = 2.0


class FaceShape(msgspec.Struct, frozen=True, kw_only=True):
    """Steps away from a face at rest, each in [-2, 2].

    `brows_raised`: height of the brows' inner ends over the eyes' inner corners.
    `mouth_wide`: distance of the mouth's corners.
    """

    brows_raised: float
    mouth_wide: float


def face_shape(landmarks_68: Floats) -> FaceShape:
    """Measures brows and mouth.

    Args:
        landmarks_68: (68, 2) landmarks in iBUG order, px.

    Returns:
        Steps from rest; zeros when the eyes coincide.
    """
    right, left = landmarks_68[36:48].reshape(2, 6, 2).mean(axis=1)
    across = left - right
    between = float(np.linalg.norm(across))
    if between == 0:
        return FaceShape(brows_raised=0.0, mouth_wide=0.0)
    down = np.array([-across[1], across[0]]) / between
    heights = (landmarks_68[[39, 42]] - landmarks_68[[21, 22]]) @ down / between
    width = float(np.linalg.norm(landmarks_68[54] - landmarks_68[48])) / between
    return FaceShape(
        brows_raised=_steps(float(heights.mean()), BROWS_AT_REST, BROWS_STEP),
        mouth_wide=_steps(width, MOUTH_AT_REST, MOUTH_STEP),
    )


def _steps(value: float, rest: float, step: float) -> float:
    return float(np.clip((value - rest) / step, -MOST_STEPS, MOST_STEPS))
