"""Faces in recorded pictures made unrecognisable: a coarse mosaic over each face that the detector finds."""

import math
from collections.abc import Sequence

import numpy as np

from schemas.ports import Pixels

MARGIN = 0.3
"""Of the box's size, added on each side: hair, ears and chin."""
TILES = 6
"""Across the longer side of a face: fewer than any recogniser needs."""
SMALLEST_TILE_PX = 4

Box = tuple[float, float, float, float]
"""Left, top, width, height, px."""


def blurred(picture: Pixels, boxes: Sequence[Box]) -> Pixels:
    """A picture with a mosaic over faces.

    Args:
        picture: (h, w, 3) uint8, BGR.
        boxes: of the faces.

    Returns:
        A copy; every tile of a mosaic has the mean colour of what it hides.
    """
    found = picture.copy()
    for box in boxes:
        left, top, right, bottom = _within(box, picture.shape[1], picture.shape[0])
        _hide(found[top:bottom, left:right], _step_px(box))
    return found


def _within(box: Box, width_px: int, height_px: int) -> tuple[int, int, int, int]:
    left, top, width, height = box
    return (
        max(0, int(left - MARGIN * width)),
        max(0, int(top - MARGIN * height)),
        min(width_px, math.ceil(left + (1 + MARGIN) * width)),
        min(height_px, math.ceil(top + (1 + MARGIN) * height)),
    )


def _step_px(box: Box) -> int:
    """The side of a tile: of the whole face, also where only a part of it is in the picture."""
    return max(SMALLEST_TILE_PX, math.ceil(max(box[2:]) * (1 + 2 * MARGIN) / TILES))


def _hide(part: Pixels, step: int) -> None:
    """Write a mosaic over a part of a picture, in place."""
    for top in range(0, part.shape[0], step):
        for left in range(0, part.shape[1], step):
            tile = part[top : top + step, left : left + step]
            tile[:] = tile.mean(axis=(0, 1)).astype(np.uint8)
