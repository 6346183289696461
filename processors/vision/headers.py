"""Reads width and height from the header of a picture file, before anything is decoded. Strict and small."""

import struct
from collections.abc import Callable

from schemas.errors import BadPictureError

Size = tuple[int, int]
"""Width and height, px."""

JPEG_SIZE_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Start-of-frame markers; the other three of the range are tables."""
JPEG_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length."""
TIFF_WIDTH_TAG, TIFF_HEIGHT_TAG = 256, 257
TIFF_NUMBER = {3: "H", 4: "I"}
"""struct letters of the two field types that may hold a size: SHORT and LONG."""


def picture_size(data: bytes) -> Size:
    """Width and height that a picture file claims.

    Args:
        data: the whole file: JPEG, PNG, GIF, BMP, WebP or TIFF, whatever its name says.

    Returns:
        Width and height, px, both > 0, as stored (before any EXIF rotation).

    Raises:
        BadPictureError: `empty`, `not_a_picture`, or `damaged` when the header makes no sense.

    Source: the formats' specifications (ITU T.81, W3C PNG, GIF89a, Windows DIB, RFC 9649, TIFF 6.0).
    """
    if not data:
        raise BadPictureError("empty", "the file is empty")
    reader = _reader_of(data)
    try:
        width, height = reader(data)
    except (struct.error, IndexError):
        raise BadPictureError("damaged", "the picture's header is cut short") from None
    if width <= 0 or height <= 0:
        raise BadPictureError("damaged", f"the picture's header claims {width} x {height} px")
    return width, height


def _reader_of(data: bytes) -> Callable[[bytes], Size]:
    for magic, reader in READERS.items():
        if data.startswith(magic):
            return reader
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp_size
    raise BadPictureError("not_a_picture", "the file is no JPEG, PNG, GIF, BMP, WebP or TIFF picture")


def _png_size(data: bytes) -> Size:
    length, name, width, height = struct.unpack_from(">I4sII", data, 8)
    if name != b"IHDR" or length != 13:
        raise BadPictureError("damaged", "the PNG file does not begin with its header chunk")
    return width, height


def _jpeg_size(data: bytes) -> Size:
    at = 2
    while True:
        if data[at] != 0xFF:
            raise BadPictureError("damaged", "the JPEG file has noise where a marker should be")
        marker = data[at + 1]
        if marker == 0xFF or marker in JPEG_BARE_MARKERS:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in JPEG_SIZE_MARKERS:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        if marker in (0xD9, 0xDA):
            raise BadPictureError("damaged", "the JPEG file has no frame header")
        at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])


def _gif_size(data: bytes) -> Size:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _bmp_size(data: bytes) -> Size:
    (header_size,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if header_size == 12 else "<ii", data, 18)
    return width, abs(height)


def _webp_size(data: bytes) -> Size:
    kind = data[12:16]
    if kind == b"VP8X":
        width_low, width_high, height_low, height_high = struct.unpack_from("<HBHB", data, 24)
        return (width_low | width_high << 16) + 1, (height_low | height_high << 16) + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise BadPictureError("damaged", "the WebP file does not begin with picture data")


def _tiff_size(data: bytes) -> Size:
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(order + "I", data, 4)
    (entries,) = struct.unpack_from(order + "H", data, start)
    found = {}
    for at in range(start + 2, start + 2 + 12 * entries, 12):
        tag, kind = struct.unpack_from(order + "HH", data, at)
        if tag in (TIFF_WIDTH_TAG, TIFF_HEIGHT_TAG) and kind in TIFF_NUMBER:
            (found[tag],) = struct.unpack_from(order + TIFF_NUMBER[kind], data, at + 8)
    return found.get(TIFF_WIDTH_TAG, 0), found.get(TIFF_HEIGHT_TAG, 0)


READERS: dict[bytes, Callable[[bytes], Size]] = {
    b"\xff\xd8\xff": _jpeg_size,
    b"\x89PNG\r\n\x1a\n": _png_size,
    b"GIF87a": _gif_size,
    b"GIF89a": _gif_size,
    b"BM": _bmp_size,
    b"II*\x00": _tiff_size,
    b"MM\x00*": _tiff_size,
}
"""First bytes of a file and who reads it (WebP has its name further in)."""
