"""The door to OpenCV for encoding: a frame's pixels become a picture that fits into a message."""

from collections.abc import Iterator

import cv2
import msgspec

from producers.options import PublishOptions
from schemas.errors import BadPictureError
from schemas.events import FrameCaptured, PictureEncoding
from schemas.frames import Frame
from schemas.ports import Pixels

_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP)
"""zlib's fastest level and one fixed filter: half the time of OpenCV's own choice, and no larger."""
_LOWER_QUALITIES = (75, 50, 30)
_SMALLEST_PX = 64
_LONGEST_JPEG_PX = 65_500


class Encoded(msgspec.Struct, frozen=True, kw_only=True):
    """A picture ready to be sent."""

    picture: bytes
    encoding: PictureEncoding
    width_px: int
    height_px: int

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height."""
        return self.width_px, self.height_px


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One way to encode a picture."""

    encoding: PictureEncoding
    quality: int = 0
    """Of JPEG, 1 to 100."""
    shrink: int = 1
    """Width and height are divided by this."""


def attempts(options: PublishOptions, *, lossless: bool, shorter_px: int) -> Iterator[Attempt]:
    """Ways to encode a picture, the best first: as wanted, as JPEG, at lower quality, at a smaller size.

    Args:
        options: encoding and quality.
        lossless: what `auto` means for the source: True for a recording.
        shorter_px: the shorter side; it is not shrunk below 64.

    Returns:
        An iterator that ends when nothing smaller makes sense.
    """
    wanted = ("png" if lossless else "jpeg") if options.encoding == "auto" else options.encoding
    if wanted == "png":
        yield Attempt(encoding="png")
    yield Attempt(encoding="jpeg", quality=options.jpeg_quality)
    lower = [quality for quality in _LOWER_QUALITIES if quality < options.jpeg_quality]
    yield from (Attempt(encoding="jpeg", quality=quality) for quality in lower)
    quality = min(options.jpeg_quality, _LOWER_QUALITIES[0])
    shrink = 2
    while shorter_px // shrink >= _SMALLEST_PX:
        yield Attempt(encoding="jpeg", quality=quality, shrink=shrink)
        shrink *= 2


def encode_picture(pixels: Pixels, options: PublishOptions, *, lossless: bool) -> Encoded:
    """The picture of a frame, no larger than a message takes.

    Args:
        pixels: (height, width, 3) uint8, BGR.
        options: encoding, quality and limit.
        lossless: what `auto` means for the source: True for a recording.

    Returns:
        The first of `attempts` that fits.

    Raises:
        BadPictureError: it cannot be encoded small enough (`too_large`).
    """
    height_px, width_px = pixels.shape[:2]
    for attempt in attempts(options, lossless=lossless, shorter_px=min(height_px, width_px)):
        encoded = _encode(pixels, attempt)
        if encoded is not None and len(encoded.picture) <= options.max_frame_bytes:
            return encoded
    raise BadPictureError(
        "too_large",
        f"A picture of {width_px} x {height_px} pixels does not fit into {options.max_frame_bytes} bytes "
        "in any encoding.",
    )


def frame_captured(frame: Frame, encoded: Encoded) -> FrameCaptured:
    """A frame as it travels, with its picture encoded."""
    return FrameCaptured(
        stand_id=frame.stand_id,
        camera_id=frame.camera_id,
        frame_index=frame.frame_index,
        t_us=frame.t_us,
        **msgspec.structs.asdict(encoded),
    )


def _encode(pixels: Pixels, attempt: Attempt) -> Encoded | None:
    """One attempt; None when the format cannot hold the picture."""
    height_px, width_px = (side // attempt.shrink for side in pixels.shape[:2])
    if attempt.encoding == "jpeg" and max(height_px, width_px) > _LONGEST_JPEG_PX:
        return None
    smaller = pixels
    if attempt.shrink > 1:
        smaller = cv2.resize(pixels, (width_px, height_px), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    settings = list(_PNG)
    if attempt.encoding == "jpeg":
        settings = [cv2.IMWRITE_JPEG_QUALITY, attempt.quality]
    done, data = cv2.imencode(f".{attempt.encoding}", smaller, settings)
    if not done:
        return None
    return Encoded(picture=data.tobytes(), encoding=attempt.encoding, width_px=width_px, height_px=height_px)
