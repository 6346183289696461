"""Frames with real pictures that every service must refuse: what becomes of their pixels is to be seen."""

import random
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import msgspec
from kafka import KafkaProducer

from schemas.broker import BrokerOptions
from schemas.dead_letters import letter_of
from schemas.errors import UndecodableError
from schemas.events import FrameCaptured
from schemas.topics import Topic
from schemas.units import US_PER_S
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry

CODEC = AvroCodec(FileRegistry())
STAND = "entrance"


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A message with a picture in it that is set aside."""

    topic: Topic
    key: bytes
    value: bytes


def picture_of(path: Path) -> bytes:
    """The first frame of a video, small, as a JPEG."""
    video = cv2.VideoCapture(str(path))
    _, pixels = video.read()
    video.release()
    return cv2.imencode(".jpg", cv2.resize(pixels, (320, 240)))[1].tobytes()


def refused(picture: bytes) -> Iterator[Refused]:
    """One message for each way in which a picture comes to be refused."""
    now_us = time.time_ns() // 1000
    good = FrameCaptured(
        stand_id=STAND,
        camera_id="camera-1",
        frame_index=10_000_000,
        t_us=now_us,
        width_px=320,
        height_px=240,
        encoding="jpeg",
        picture=picture,
    )
    ahead = msgspec.structs.replace(good, t_us=now_us + 86_400 * US_PER_S)
    cut = CODEC.encode(good)[:-50]
    for topic in ("frames", "observations", "plays", "visits", "campaign_windows"):
        for value in (CODEC.encode(ahead), cut, picture, _noisy(picture), _unknown(good)):
            yield Refused(topic=topic, key=STAND.encode(), value=value)
    yield Refused(topic="frames", key=b"another", value=CODEC.encode(good))
    unreadable = msgspec.structs.replace(good, picture=b"?" + picture)
    yield Refused(topic="frames", key=STAND.encode(), value=CODEC.encode(unreadable))
    old = letter_of(
        UndecodableError("future", "Written before letters were kept without pictures."),
        service="observe",
        topic="frames.v1",
        partition=0,
        offset=10_000_000,
        incarnation="first",
        key=b"",
        value=b"",
        now_us=now_us,
    )
    old = msgspec.structs.replace(old, value=CODEC.encode(ahead))
    yield Refused(topic="dead_letters", key=STAND.encode(), value=CODEC.encode(old))


def send_refused(broker: BrokerOptions, picture: bytes) -> tuple[Refused, ...]:
    """Send them all."""
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, acks="all")
    messages = tuple(refused(picture))
    for each in messages:
        producer.send(broker.topics.name(each.topic), key=each.key, value=each.value)
    producer.flush()
    producer.close()
    return messages


def _noisy(picture: bytes) -> bytes:
    chance = random.Random("noise around a picture")
    return chance.randbytes(500) + picture + chance.randbytes(500)


def _unknown(frame: FrameCaptured) -> bytes:
    return struct.pack(">bI", 0, 99_999) + CODEC.encode(frame)[5:]
