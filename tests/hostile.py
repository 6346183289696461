"""Hostile messages: for every topic, things that arrive although nobody should have sent them."""

import random
import struct
import time
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from schemas.events import (
    DeadLetter,
    FaceObservations,
    FrameCaptured,
    Play,
    VisitEnded,
    WindowClosed,
)
from schemas.ids import derive_id
from schemas.ports import EventCodec
from schemas.topics import Topic
from schemas.units import US_PER_S

HUGE_PX = 60_000
NOISE_BYTES = 3_000_000
"""Of noise where the topic takes so much; elsewhere as much as it takes."""
SMALL_NOISE_BYTES = 900_000
LARGE_TOPICS: tuple[Topic, ...] = ("frames", "dead_letters")
ANY = frozenset[str]()
"""Noise may look like anything."""


class Hostile(msgspec.Struct, frozen=True, kw_only=True):
    """One hostile message."""

    what: str
    key: bytes | None
    value: bytes | None
    causes: frozenset[str]
    """The words with which it may be set aside; empty: any."""


def png(width_px: int, height_px: int) -> bytes:
    """The beginning of a PNG that claims a size, with nothing behind it."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def jpeg(width_px: int, height_px: int) -> bytes:
    """The beginning of a JPEG that claims a size, with nothing behind it."""
    frame = struct.pack(">BHHB", 8, height_px, width_px, 3) + b"\x01\x11\x00\x02\x11\x00\x03\x11\x00"
    return b"\xff\xd8\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame + b"\xff\xda" + bytes(20)


class Malice:
    """Makes hostile messages, always the same ones.

    Args:
        codec: as the system's own.
        samples: a good event of every topic.
    """

    def __init__(self, codec: EventCodec, samples: dict[Topic, Any]) -> None:
        self._codec = codec
        self._samples = samples

    def messages(self, topic: Topic, count: int) -> list[Hostile]:
        """So many messages, every kind about equally often."""
        chance = random.Random(f"hostile/{topic}")
        kinds = [*_KINDS, *(_PICTURES if topic == "frames" else ())]
        if topic == "dead_letters":
            kinds.remove(Malice.future)  # a letter is believed, whatever the clock of its writer
        return [kinds[n % len(kinds)](self, topic, chance) for n in range(count)]

    def truncated(self, topic: Topic, chance: random.Random) -> Hostile:
        """The front part of a good message."""
        good = self._codec.encode(self._samples[topic])
        cut = good[: chance.randrange(5, len(good))]
        return _hostile("truncated", cut, {"truncated", "wrong_type", "out_of_range"})

    def unknown_schema(self, topic: Topic, chance: random.Random) -> Hostile:
        """A schema id that nobody knows."""
        good = self._codec.encode(self._samples[topic])
        value = struct.pack(">bI", 0, chance.randrange(1 << 20, 1 << 30)) + good[5:]
        return _hostile("unknown schema", value, {"unknown_schema"})

    def wrong_type(self, topic: Topic, chance: random.Random) -> Hostile:
        """A good event of another topic."""
        other = chance.choice([name for name in self._samples if name != topic])
        return _hostile("wrong type", self._codec.encode(self._samples[other]), {"wrong_type"})

    def noise(self, topic: Topic, chance: random.Random) -> Hostile:
        """Megabytes of noise behind a schema id that exists."""
        count = NOISE_BYTES if topic in LARGE_TOPICS else SMALL_NOISE_BYTES
        good = self._codec.encode(self._samples[topic])
        return _hostile("noise", good[:5] + chance.randbytes(count), ANY)

    def unframed(self, topic: Topic, chance: random.Random) -> Hostile:
        """No magic byte."""
        value = bytes([chance.randrange(1, 256)]) + chance.randbytes(chance.randrange(0, 300))
        return _hostile("no magic byte", value, {"not_framed"})

    def empty(self, topic: Topic, chance: random.Random) -> Hostile:
        """No value, or one of no bytes."""
        return _hostile("no value", chance.choice((None, b"")), {"empty"})

    def future(self, topic: Topic, chance: random.Random) -> Hostile:
        """A clock that is years ahead."""
        at_us = time.time_ns() // 1000 + chance.randrange(1, 20) * 365 * 86_400 * US_PER_S
        return self._at("future clock", topic, at_us, {"future"})

    def negative(self, topic: Topic, chance: random.Random) -> Hostile:
        """Times before 1970."""
        at_us = -chance.randrange(1, 1 << 60)
        return self._at("negative time", topic, at_us, {"out_of_range"})

    def huge_png(self, topic: Topic, chance: random.Random) -> Hostile:
        """A PNG that claims 60,000 x 60,000."""
        return self._picture("huge PNG", "png", png(HUGE_PX, HUGE_PX))

    def huge_jpeg(self, topic: Topic, chance: random.Random) -> Hostile:
        """A JPEG that claims 60,000 x 60,000."""
        return self._picture("huge JPEG", "jpeg", jpeg(HUGE_PX, HUGE_PX))

    def no_picture(self, topic: Topic, chance: random.Random) -> Hostile:
        """Noise that claims to be a JPEG."""
        return self._picture("no picture", "jpeg", chance.randbytes(2000))

    def _picture(self, what: str, encoding: str, picture: bytes) -> Hostile:
        frame = msgspec.structs.replace(self._samples["frames"], encoding=encoding, picture=picture)
        causes = {"bad_picture", "too_large", "not_a_picture", "damaged"}
        return _hostile(what, self._codec.encode(frame), causes, key=frame.stand_id.encode())

    def _at(self, what: str, topic: Topic, at_us: int, causes: set[str]) -> Hostile:
        event = _moved(self._samples[topic], at_us)
        return _hostile(what, self._codec.encode(event), causes)


_KINDS: Sequence[Callable[[Malice, Topic, random.Random], Hostile]] = (
    Malice.truncated,
    Malice.unknown_schema,
    Malice.wrong_type,
    Malice.noise,
    Malice.unframed,
    Malice.empty,
    Malice.future,
    Malice.negative,
)
_PICTURES = (Malice.huge_png, Malice.huge_jpeg, Malice.no_picture)


def _hostile(
    what: str, value: bytes | None, causes: set[str] | frozenset[str], *, key: bytes = b""
) -> Hostile:
    """Keys that hide nothing: no stand's, and no UTF-8 either."""
    return Hostile(what=what, key=key or b"\xff\xfe nobody", value=value, causes=frozenset(causes))


def _moved(event: Any, at_us: int) -> Any:
    """The event at another time."""
    replace = msgspec.structs.replace
    match event:
        case FrameCaptured() | FaceObservations():
            return replace(event, t_us=at_us)
        case Play():
            return replace(event, start_us=at_us, end_us=at_us + US_PER_S)
        case VisitEnded():
            return replace(event, visit=replace(event.visit, started_us=at_us, ended_us=at_us + US_PER_S))
        case WindowClosed():
            return replace(event, start_us=at_us, end_us=at_us + US_PER_S)
        case DeadLetter():
            return replace(event, failed_us=at_us)
    raise AssertionError(event)


def good_letter(topic: str) -> DeadLetter:
    """A dead letter as a worker writes it."""
    return DeadLetter(
        letter_id=derive_id("dead_letter", topic, 0, 10**9),
        service="observe",
        cause="truncated",
        detail="The FrameCaptured ends too early.",
        topic=topic,
        partition=0,
        offset=10**9,
        failed_us=time.time_ns() // 1000,
        key=b"stand",
        value=b"\x00\x00",
    )
