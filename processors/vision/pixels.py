"""The door to OpenCV for pictures: decode, warp, resize, measure. Pure functions on arrays."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from processors.vision.headers import picture_size
from processors.vision.hush import hushed
from schemas.errors import BadPictureError
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
    size = (width_px, height_px)
    if picture.ndim == 2:
        return cv2.warpAffine(picture, crop_to_picture, size, flags=flags)  # type: ignore[return-value]
    left, top, piece = _around(picture, crop_to_picture, size)
    if piece.size == 0:
        return np.zeros((height_px, width_px, 3), dtype=np.uint8)
    shifted = crop_to_picture - np.array([[0, 0, left], [0, 0, top]], dtype=np.float32)
    # Four channels are warped two and a half times as fast as three.
    warped = cv2.warpAffine(cv2.cvtColor(piece, cv2.COLOR_BGR2BGRA), shifted, size, flags=flags)
    return cv2.cvtColor(warped, cv2.COLOR_BGRA2BGR)  # type: ignore[return-value]


def _around(picture: Pixels, crop_to_picture: Floats, size: tuple[int, int]) -> tuple[int, int, Pixels]:
    """Left, top and pixels of the part of the picture that a crop can touch."""
    height, width = picture.shape[:2]
    rows = crop_to_picture.tolist()
    left, right = _reach(rows[0], size, width)
    top, bottom = _reach(rows[1], size, height)
    return left, top, picture[top:bottom, left:right]


def _reach(row: list[float], size: tuple[int, int], limit_px: int) -> tuple[int, int]:
    """First and last-plus-one pixel that one row of the affine can touch, within the picture."""
    steps = (row[0] * size[0], row[1] * size[1])
    first = row[2] + sum(min(0.0, step) for step in steps) - 1
    last = row[2] + sum(max(0.0, step) for step in steps) + 3
    return max(0, min(limit_px, int(first))), max(0, min(limit_px, int(last)))


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


def planes(picture: Pixels, *, multiple_px: int) -> Floats:
    """The picture as a batch of one in planes, padded with black at the bottom and on the right.

    Args:
        picture: (h, w, 3) uint8, BGR.
        multiple_px: height and width of the result are multiples of this.

    Returns:
        (1, 3, H, W) float32, BGR, 0..255.
    """
    height, width = picture.shape[:2]
    below, right = -height % multiple_px, -width % multiple_px
    batch = np.zeros((1, 3, height + below, width + right), dtype=np.float32)
    for channel, shades in enumerate(cv2.split(picture)):
        batch[0, channel, :height, :width] = shades
    return batch


def unit_rgb(picture: Pixels) -> Floats:
    """The picture as a batch of one, RGB, every value in [0, 1].

    Args:
        picture: (h, w, 3) uint8, BGR.

    Returns:
        (1, h, w, 3) float32.
    """
    rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    return np.multiply(rgb, np.float32(1 / 255), dtype=np.float32)[None]


def strongest(boxes_px: Floats, scores: Floats, max_overlap: float) -> list[int]:
    """Which boxes stay when of two that overlap too much the weaker goes (non-maximum suppression).

    Args:
        boxes_px: (n, 4) left, top, width, height.
        scores: (n,).
        max_overlap: intersection over union above which two boxes are the same thing.

    Returns:
        Indices of the boxes that stay, the highest score first.
    """
    if len(boxes_px) == 0:
        return []
    kept = cv2.dnn.NMSBoxes(boxes_px.tolist(), scores.tolist(), 0.0, max_overlap)
    return [int(i) for i in kept]


def decode_picture(data: bytes, *, max_pixels: int) -> Pixels:
    """A picture from the bytes of its file, upright as its EXIF orientation says.

    Args:
        data: the whole file: JPEG (also CMYK), PNG, GIF (first frame), BMP, WebP or TIFF.
        max_pixels: a header that claims more is refused before anything is decoded. Decoding takes
            about 6 bytes a pixel at its peak, 12 for a GIF.

    Returns:
        (h, w, 3) uint8, BGR; transparency is dropped.

    Raises:
        BadPictureError: `empty`, `not_a_picture`, `too_large` or `damaged`.
    """
    width, height = picture_size(data)
    if width * height > max_pixels:
        raise BadPictureError(
            "too_large",
            f"the header claims {width} x {height} px, more than {max_pixels} (`capture.max_pixels`)",
        )
    try:
        with hushed():
            picture = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        picture = None
    if picture is None:
        raise BadPictureError("damaged", "the picture's data cannot be decoded: it is cut short or corrupt")
    return picture  # type: ignore[return-value]


def encode_jpeg(picture: Pixels, quality: int) -> bytes:
    """The picture as a JPEG file.

    Args:
        picture: (h, w, 3) uint8, BGR.
        quality: 1 (small) to 100 (good).
    """
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return encoded.tobytes()


def detail(shades: NDArray[np.uint8]) -> float:
    """How much of a grey picture's change from pixel to pixel is lost by blurring it.

    Args:
        shades: (h, w) uint8.

    Returns:
        0 for a flat or an already blurred picture, up to 1 for noise; independent of contrast.

    Source: Crété-Roffet et al., "The blur effect: perception and estimation with a new no-reference
    perceptual blur metric" (2007), its idea in one number.
    """
    sharp = shades.astype(np.float32)
    change = _change(sharp)
    return 1.0 - _change(cv2.blur(sharp, (5, 5))) / change if change > 0 else 0.0


def _change(shades: NDArray[Any]) -> float:
    """Sum of the differences between neighbours, across and down."""
    across = cv2.norm(shades[:, 1:], shades[:, :-1], cv2.NORM_L1)
    return across + cv2.norm(shades[1:], shades[:-1], cv2.NORM_L1)
