"""No dead letter keeps a picture: whatever it is in, by whatever topic it came, whoever sets it aside."""

import base64
import contextlib
import json
import random
import struct
import time
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from processors.runtime.work.aside import Aside
from processors.runtime.work.traffic import Place, Received
from processors.vision.headers import READERS, picture_size
from schemas.dead_letters import DeadLetterOptions, is_whole, letter_of, without_picture
from schemas.errors import BadPictureError, UndecodableError
from schemas.events import DeadLetter, FrameCaptured, Play
from schemas.letter_limits import LetterLimits
from schemas.metrics import NoMeter, NoPulse
from schemas.pictures import KEY_BYTES, UNREAD_BYTES, bare, picture_field
from schemas.topics import TOPICS, Topic, TopicNames
from schemas.wire.avsc import FOLDER
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry
from sinks.service.feed import Message
from sinks.service.reading import FactReader

NAMES = TopicNames(prefix="mall")
CODEC = AvroCodec(FileRegistry(), NAMES)
NOW_US = 1_800_000_000_000_000
PIECE = 12
"""So many bytes of a picture in a row are not there by chance."""
ENDINGS = ("jpg", "png", "bmp", "webp", "gif", "tiff", "jp2", "ppm")
PIXELS = np.random.default_rng(7).integers(0, 256, (48, 64, 3), dtype=np.uint8)


PICTURES = {
    **{ending: cv2.imencode(f".{ending}", PIXELS)[1].tobytes() for ending in ENDINGS},
    "heic": struct.pack(">I4s4s", 24, b"ftyp", b"heic") + PIXELS.tobytes(),
    "a front part": cv2.imencode(".jpg", PIXELS)[1].tobytes()[:900],
}
RAW = PIXELS.tobytes()


def frame(picture: bytes, encoding: str = "jpeg") -> bytes:
    return CODEC.encode(
        FrameCaptured(
            stand_id="entrance",
            camera_id="camera-1",
            frame_index=12,
            t_us=NOW_US,
            width_px=64,
            height_px=48,
            encoding=encoding,  # type: ignore[arg-type]
            picture=picture,
        )
    )


def letter_around(message: bytes) -> DeadLetter:
    """As an older program made it."""
    return DeadLetter(
        letter_id=letter(b"x").letter_id,
        service="observe",
        cause="future",
        detail="Its time is ahead.",
        topic="mall.frames.v1",
        partition=0,
        offset=1,
        failed_us=NOW_US,
        key=b"entrance",
        value=message,
    )


WAYS: dict[str, Callable[[bytes], bytes]] = {
    "in a frame": frame,
    "in a frame that is cut short": lambda picture: frame(picture)[:-40],
    "in a frame of an unknown schema": lambda picture: struct.pack(">bI", 0, 99_999) + frame(picture)[5:],
    "bare": lambda picture: picture,
    "in noise": lambda picture: random.Random(1).randbytes(3000) + picture + random.Random(2).randbytes(3000),
    "in a letter": lambda picture: CODEC.encode(letter_around(frame(picture))),
    "in the front part of a letter": lambda picture: CODEC.encode(letter_around(frame(picture)))[:-40],
    "behind other bytes": lambda picture: b"\0\0\0\0\1" + picture,
}


def letter(value: bytes, topic: Topic = "plays", key: bytes = b"entrance") -> DeadLetter:
    return letter_of(
        UndecodableError("future", "It is ahead."),
        service="sink",
        topic=NAMES.name(topic),
        partition=0,
        offset=1,
        incarnation="first",
        key=key,
        value=value,
        now_us=NOW_US,
    )


def holds(message: bytes | None, picture: bytes) -> bool:
    """Whether a piece of a picture is in there; the first bytes of all pictures are alike."""
    starts = range(32, len(picture) - PIECE, PIECE)
    return any(picture[at : at + PIECE] in (message or b"") for at in starts)


@pytest.mark.parametrize("topic", ["frames", "plays", "dead_letters"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", PICTURES)
def test_no_letter_holds_a_picture(kind: str, way: str, topic: Topic) -> None:
    picture = PICTURES[kind]
    message = WAYS[way](picture)
    assert holds(message, picture), "the search can fail"
    found = letter(message, topic)
    assert not holds(found.value, picture)
    assert not is_whole(found)
    assert f" of {len(message)} bytes are kept: no picture is)" in found.detail
    assert found.cause == "future"


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize(
    "way", ["in a frame", "in a frame that is cut short", "in a frame of an unknown schema"]
)
def test_no_letter_of_a_frame_holds_pixels_of_any_encoding(way: str, topic: Topic) -> None:
    found = letter(WAYS[way](RAW), topic)
    assert not holds(found.value, RAW)
    assert found.value == WAYS[way](RAW)[: picture_field(frame(RAW))]
    assert b"entrance" in (found.value or b"")


@pytest.mark.parametrize("value", [RAW, b"\0\0\0\0\1" + RAW, RAW[1:]])
def test_what_nobody_can_read_on_the_topic_of_frames_is_not_kept(value: bytes) -> None:
    assert letter(value, "frames").value == value[:UNREAD_BYTES]
    assert letter(value, "plays").value == value
    assert letter(b"x", "frames", key=RAW).key == RAW[:KEY_BYTES]


@pytest.mark.parametrize("start", [b"/9j/4AAQSkZJRg", b"iVBORw0KGgo", b"\\/9j\\/4AAQ", b"FFD8FFE000104A46"])
def test_pictures_as_text_are_found(start: bytes) -> None:
    assert bare(b'{"camera": "door", "image": "' + start).rstrip(b"/\\_") == b'{"camera": "door", "image": "'
    for picture in (PICTURES["jpg"], PICTURES["png"]):
        for text in (base64.b64encode(picture), base64.urlsafe_b64encode(picture), picture.hex().encode()):
            assert bare(b'{"image": "' + text + b'"}').rstrip(b"/_") == b'{"image": "'
        whole = json.dumps({"image": base64.b64encode(picture).decode()})
        assert bare(whole.encode()).rstrip(b"/") == b'{"image": "'


def test_no_key_holds_a_picture() -> None:
    found = letter(b"x", key=PICTURES["jpg"])
    assert not holds(found.key, PICTURES["jpg"])
    assert is_whole(found), "the message itself is whole"


@pytest.mark.parametrize("value", [b"", b"junk", b"\0\0\0\0\1", CODEC.encode(letter_around(b"\0\0"))])
def test_what_has_no_picture_is_kept_whole(value: bytes) -> None:
    for topic in TOPICS:
        assert letter(value, topic).value == value
        assert is_whole(letter(value, topic))


def test_noise_is_kept_whole() -> None:
    noise = random.Random(3).randbytes(900_000)
    assert letter(noise).value == noise


def test_every_encoding_that_is_read_is_found() -> None:
    read = [data for data in PICTURES.values() if _is_read(data)]
    assert {magic for magic in READERS for data in read if data.startswith(magic)} >= READERS.keys() - {
        b"GIF87a",
        b"MM\x00*",
    }
    for magic in READERS:
        whole = next((data for data in read if data.startswith(magic)), magic + bytes(50))
        assert bare(b"before" + whole) == b"before", magic


def _is_read(data: bytes) -> bool:
    try:
        return picture_size(data) == (64, 48)
    except BadPictureError:
        return False


def test_what_lies_before_the_picture_is_what_every_release_says() -> None:
    """`picture_field` knows the fields without their schema: it may not be there."""
    files = [*(FOLDER / "released").glob("frame_captured.*.avsc"), FOLDER / "frame_captured.avsc"]
    assert len(files) >= 2
    for file in files:
        fields = json.loads(file.read_text(encoding="utf-8"))["fields"]
        assert [field["name"] for field in fields][:8] == [
            "stand_id",
            "camera_id",
            "frame_index",
            "t_us",
            "width_px",
            "height_px",
            "encoding",
            "picture",
        ]
        types = [
            field["type"] if isinstance(field["type"], str) else field["type"]["type"] for field in fields
        ]
        assert types[:8] == ["string", "string", "long", "long", "int", "int", "string", "bytes"]


def test_a_letter_of_another_program_is_stored_without_its_picture() -> None:
    """Letters come by a topic to which older programs, and strangers, write too."""
    picture = PICTURES["jpg"]
    old = letter_around(frame(picture))
    message = Message(offset=0, key=b"entrance", value=CODEC.encode(old))
    entry = FactReader(CODEC, NAMES).read(
        (NAMES.name("dead_letters"), 0), message, NOW_US, incarnation="first"
    )
    assert isinstance(entry.fact, DeadLetter)
    assert not holds(entry.fact.value, picture)
    assert (entry.fact.letter_id, entry.fact.cause) == (old.letter_id, old.cause)
    assert without_picture(entry.fact) == entry.fact


def fault(words: str) -> ValueError:
    """As it is caught."""
    error = ValueError(words)
    with contextlib.suppress(ValueError):
        raise error
    return error


def test_a_worker_sends_no_picture_in_a_letter() -> None:
    picture = PICTURES["png"]
    aside = Aside(
        "observe",
        NAMES,
        codec=CODEC,
        limits=LetterLimits(DeadLetterOptions(), NoPulse()),
        clock_us=lambda: NOW_US,
        meter=NoMeter(),
    )
    message = Received(
        place=Place(topic="frames", partition=0, offset=4), key=b"entrance", value=frame(picture, "png")
    )
    failed = aside.failed(message, fault(repr(picture)))
    for out in (aside.letter(message, UndecodableError("bad_picture", "It is damaged.")), failed):
        assert not holds(out.value, picture)
        assert repr(picture)[300:320].encode() not in out.value


def test_a_picture_that_was_too_long_for_a_letter_keeps_its_size() -> None:
    long = frame(PICTURES["jpg"]) + bytes(5_000_000)
    found = letter(long)
    assert f" of {len(long)} bytes are kept: no picture is)" in found.detail
    assert found.detail.count("bytes are kept") == 1


@pytest.mark.parametrize(
    "message",
    [
        random.Random(4).randbytes(4_000_000),
        b"P1 11 " * 700_000,
        b"P1" + b" " * 4_000_000,
        b"BM" * 2_000_000,
        b"AAAA" * 1_000_000,
        b"\0\0\0\1" * 1_000_000,
    ],
    ids=["noise", "P1", "spaces", "BM", "AAAA", "zeros"],
)
def test_looking_for_pictures_takes_a_moment(message: bytes) -> None:
    """A batch of such messages must not hold a worker up for longer than its session."""
    begun_s = time.process_time()
    bare(message)
    assert time.process_time() - begun_s < 1.0


def test_events_without_a_picture_are_no_frames() -> None:
    play = Play(
        play_id=letter(b"x").letter_id,
        stand_id="entrance",
        campaign_id="spring",
        creative_id="coat",
        start_us=NOW_US,
        end_us=NOW_US + 1,
    )
    assert picture_field(CODEC.encode(play)) is None
    assert bare(CODEC.encode(play)) == CODEC.encode(play)
