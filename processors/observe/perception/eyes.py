"""Tells whether the eyes are open, from the mesh."""

import math

import numpy as np

from processors.observe.perception.mesh import Mesh
from schemas.ports import Floats

RIGHT_EYE = np.array((33, 160, 158, 133, 153, 144))
LEFT_EYE = np.array((362, 385, 387, 263, 373, 380))
"""Mesh points of the eyes: a corner, two above, the other corner, two below (landmarks 36 to 47)."""
OPEN_RATIO = 0.16
"""Below this aspect ratio an eye counts as closed. The mesh flattens the range: eyes shut or cast down read
0.15 to 0.21, narrow but open ones 0.17 to 0.24, wide ones 0.30 to 0.40 (stills and clips); the threshold is
low on purpose, so that a look is not lost to narrow eyes. Short blinks go unseen."""
MIN_FAR_HALF = 0.25
"""With the far half of the face narrower than this share of the near half (a yaw of about 30 degrees) the
far eye is a guess."""
HALVES = np.array((168, 127, 356))
"""Bridge of the nose, right and left temple."""


def eyes_open(mesh: Mesh) -> bool | None:
    """Whether at least one eye is open.

    Returns:
        None when the face is turned too far to tell.

    Source of the ratio: Soukupova and Cech, "Real-time eye blink detection using facial landmarks" (2016).
    """
    if _far_half(mesh) < MIN_FAR_HALF:
        return None
    ratios = [eye_aspect_ratio(mesh.points_px[eye]) for eye in (RIGHT_EYE, LEFT_EYE)]
    return max(ratios) >= OPEN_RATIO


def eye_aspect_ratio(eye: Floats) -> float:
    """How far an eye is open: its mean height over its width.

    Args:
        eye: (6, 2) landmarks of one eye in iBUG order: outer or inner corner, two above, other corner,
            two below, px.

    Returns:
        About 0.15 (shut) to 0.4 (wide open); 0 when the eye has no width.
    """
    first, upper, upper_other, last, lower_other, lower = eye.tolist()
    width = math.dist(first, last)
    heights = math.dist(upper, lower) + math.dist(upper_other, lower_other)
    return heights / (2 * width) if width > 0 else 0.0


def _far_half(mesh: Mesh) -> float:
    """Width of the half of the face turned away over the width of the other, 0..1."""
    bridge, right, left = mesh.points_px[HALVES].tolist()
    widths = (math.dist(right, bridge), math.dist(left, bridge))
    return min(widths) / max(*widths, 1e-6)
