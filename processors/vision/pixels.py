"""The door to OpenCV for pictures: decode, warp, resize, measure. Pure functions on arrays."""

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.ports import Floats, Pixels

cv2.setNumThreads(1)


def warp(picture: Pixels, crop_to_picture: Floats, width_px: int, height_px: int) -> Pixels:
    """Cut a transformed piece out of a picture.

    Args:
        picture: (h, w, 3) or (h, w) uint8.
        crop_to_picture: (2, 3) affine that maps a pixel of the crop to a pixel of the picture.
        width_px: width of the crop.
        height_px: height of the crop.

    Returns:
        The crop, uint8; black outside the picture.
    """
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, crop_to_picture, (width_px, height_px), flags=flags)  # type: ignore[return-value]


def resized(picture: Pixels, width_px: int, height_px: int) -> Pixels:
    """The picture in another size (area averaging when it shrinks).

    Args:
        picture: (h, w, 3) uint8.
        width_px: new width.
        height_px: new height.

    Returns:
        (height_px, width_px, 3) uint8.
    """
    shrinks = width_px < picture.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(picture, (width_px, height_px), interpolation=method)  # type: ignore[return-value]


def grey(picture: Pixels) -> NDArray[np.uint8]:
    """The picture in shades of grey, (h, w) uint8."""
    return cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)  # type: ignore[return-value]
