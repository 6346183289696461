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
_LONGEST_BYTES = 64
"""No beginning of a picture is longer."""
_NAME = re.compile(rb"[\w.@:\x80-\xff-]{1,512}\Z")
_ENCODING = re.compile(rb"[a-z0-9]{1,16}\Z")

_BEGINNINGS: Final = tuple(
    re.compile(each, re.DOTALL)
    for each in (
        rb"\xff\xd8\xff",  # JPEG
        rb"\x89PNG\r\n",
        rb"GIF8[79]a",
        rb"RIFF....(?:WEBP|AVI )",
        rb"II[*+]\0",  # TIFF
        rb"MM\0[*+]",
        rb"BM.{12}[\x0c(48@l|]\0\0\0",  # BMP: the sizes that its header has
        rb"ftyp",  # HEIC, AVIF, MP4, QuickTime
        rb"\xff\x4f\xff\x51",  # JPEG 2000
        rb"jP  \r\n\x87\n",
        rb"JXL \r\n\x87\n",
        rb"v/1\x01",  # OpenEXR
        rb"#\?RADIANCE",
        rb"P[1-6]\s{1,9}\d{1,9}\s{1,9}\d{1,9}\s",  # PNM
        rb"P7\nWIDTH",
        rb"P[Ff]\n\d{1,9} \d{1,9}\n",
        rb"\x1aE\xdf\xa3",  # Matroska, WebM
        rb"\0\0\0\x01(?:[\x27\x47\x67]|@\x01)",  # H.264, H.265
        rb"9j(?:\\?/|_)[2-7w-z/_\\]",  # JPEG in base64 (of URLs, in JSON), save its first character
        rb"iVBORw0KG",  # PNG, GIF, RIFF, TIFF, `ftyp` in base64
        rb"R0lGOD[dl]h",
        rb"UklGR",
        rb"SUkqA",
        rb"TU0AK",
        rb"AAAA.{4}Z0eX",
        rb"ffd8ff[c-f]",  # JPEG, PNG as digits
        rb"FFD8FF[C-F]",
        rb"89504[eE]47",
    )
)
"""How files of pictures and videos begin; each by itself, because they are found several times as fast so.

Source: the formats' specifications, and RFC 4648.
"""


def bare(data: bytes, *, of_pictures: bool = False) -> bytes:
    """The front part of bytes in which there is no picture.

    Args:
        data: a message from anybody.
        of_pictures: it came by a topic that carries pictures: what nobody can read may be one.

    Returns:
        All of it; or what lies before the first picture: of a frame its own fields.
    """
    field = picture_field(data)
    if field is None and of_pictures:
        field = UNREAD_BYTES
    end = len(data) if field is None else field
    for each in _BEGINNINGS:
        found = each.search(data, 0, end + _LONGEST_BYTES)
        if found is not None:
            end = min(end, found.start())
    return data[:end]


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
