"""Finds where pictures begin in bytes from anybody: what is kept of a message holds none."""

import re
from collections.abc import Callable
from typing import Final

HEADER_BYTES = 5
"""Magic byte 0 and the schema's id. Source: Confluent wire format."""
UNREAD_BYTES = 256
"""Of what nobody can read on a topic of pictures so much may be kept: 85 pixels, half a face template."""
KEY_BYTES = 512
"""Of the longest name of a stand: a key on a topic of pictures is no longer."""
_NAME = re.compile(rb"[\w.@:\x80-\xff-]{1,512}\Z")
_ENCODING = re.compile(rb"[a-z0-9]{1,16}\Z")

_BINARY = (
    rb"\xff\xd8\xff",  # JPEG
    rb"\x89PNG\r\n",
    rb"GIF8[79]a",
    rb"RIFF....(?:WEBP|AVI )",
    rb"II[*+]\0|MM\0[*+]",  # TIFF
    rb"BM.{12}[\x0c(48@l|]\0\0\0",  # BMP: the sizes that its header has
    rb"....ftyp",  # HEIC, AVIF, MP4, QuickTime
    rb"\xff\x4f\xff\x51|(?:jP  |JXL )\r\n\x87\n",  # JPEG 2000, JPEG XL
    rb"v/1\x01|#\?RADIANCE",  # OpenEXR, Radiance
    rb"P[1-6]\s+\d+\s+\d+\s|P7\nWIDTH|P[Ff]\n\d+ \d+\n",  # PNM, PAM, PFM
    rb"\x1aE\xdf\xa3",  # Matroska, WebM
    rb"\0\0\0\x01(?:[\x27\x47\x67]|@\x01)",  # H.264, H.265
)
_TEXT = (
    rb"\\?[/_]9j\\?[/_]",  # base64, of URLs too, or in JSON with escaped slashes: JPEG
    rb"iVBORw0KG|R0lGOD[dl]h|UklGR|SUkqA|TU0AK|AAAA.{4}Z0eX",  # PNG, GIF, RIFF, TIFF, `ftyp`
    rb"(?i:ffd8ff[c-f]|89504e47)",  # digits: JPEG, PNG
)
_SIGNATURES: Final = re.compile(b"|".join((*_BINARY, *_TEXT)), re.DOTALL)
"""How files of pictures and videos begin. Source: the formats' specifications, and RFC 4648."""


def bare(data: bytes, *, of_pictures: bool = False) -> bytes:
    """The front part of bytes in which there is no picture.

    Args:
        data: a message from anybody.
        of_pictures: it came by a topic that carries pictures: what nobody can read may be one.

    Returns:
        All of it; or what lies before the first picture: of a frame its own fields.
    """
    field = picture_field(data)
    found = _SIGNATURES.search(data, 0, len(data) if field is None else field)
    if found is not None:
        return data[: found.start()]
    if field is not None:
        return data[:field]
    return data[:UNREAD_BYTES] if of_pictures else data


def picture_field(data: bytes) -> int | None:
    """Where the picture of a frame begins, also of one that is cut short or of an unknown schema.

    Returns:
        Its place in the bytes of the message; None: it is no frame, or it ends before.
    """
    at: int | None = HEADER_BYTES if data[:1] == b"\0" else None
    for step in _FIELDS:
        if at is None:
            return None
        at = step(data, at)
    return at


def _text(data: bytes, at: int, alphabet: re.Pattern[bytes]) -> int | None:
    size, start = _number(data, at)
    if start is None or not alphabet.match(data[start : start + size]) or start + size > len(data):
        return None
    return start + size


def _name(data: bytes, at: int) -> int | None:
    return _text(data, at, _NAME)


def _encoding(data: bytes, at: int) -> int | None:
    return _text(data, at, _ENCODING)


def _long(data: bytes, at: int) -> int | None:
    return _number(data, at)[1]


def _number(data: bytes, at: int) -> tuple[int, int | None]:
    """A number and where it ends; None: it does not. Source: Avro specification, zigzag."""
    found = 0
    for i in range(at, min(at + 10, len(data))):
        found |= (data[i] & 0x7F) << 7 * (i - at)
        if data[i] < 0x80:
            return (found >> 1) ^ -(found & 1), i + 1
    return 0, None


_FIELDS: tuple[Callable[[bytes, int], int | None], ...] = (
    *(_name, _name),
    *(_long, _long, _long, _long),
    _encoding,
)
"""What lies before the picture of a `FrameCaptured`: stand, camera; index, time, width, height; encoding."""
