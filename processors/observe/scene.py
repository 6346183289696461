"""Scene cuts: tells whether a frame continues the one before it."""

import numpy as np
from numpy.typing import NDArray

from processors.vision.pixels import grey, resized
from schemas.ports import Pixels

Thumbnail = NDArray[np.float32]

THUMBNAIL_PX = (32, 18)
MAX_CORRELATION = 0.5
"""Below this the two pictures show different things; lights going on keep the correlation high."""
MIN_DIFFERENCE = 18.0
"""Mean difference in shades (0..255) that a cut has at least; noise in a dark room stays below."""


def thumbnail(picture: Pixels) -> Thumbnail:
    """A tiny grey copy of a picture.

    Args:
        picture: (h, w, 3) uint8.

    Returns:
        (18, 32) float32 shades, 0..255.
    """
    # Averaging over every pixel would cost more than the tracking itself: three samples a cell are enough.
    step = max(1, picture.shape[1] // (3 * THUMBNAIL_PX[0]))
    return grey(resized(picture[::step, ::step], *THUMBNAIL_PX)).astype(np.float32)


def is_cut(before: Thumbnail | None, now: Thumbnail) -> bool:
    """Whether the camera shows another scene than one frame ago.

    Args:
        before: thumbnail of the previous frame, None for the first.
        now: thumbnail of this frame.

    Returns:
        True when the pictures are both unlike in content and far apart in shade.
    """
    if before is None:
        return False
    if float(np.abs(now - before).mean()) < MIN_DIFFERENCE:
        return False
    a, b = before - before.mean(), now - now.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return norm == 0.0 or float((a * b).sum()) / norm < MAX_CORRELATION
