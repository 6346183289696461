"""Publishing frames: the publisher of `capture`, next to a bare producer with the same settings."""

import random
import time
from collections.abc import Callable, Sequence

import msgspec
from kafka import KafkaProducer

from onlooker.lab.stream.figures import Comparison, Names, Run, compare
from onlooker.lab.stream.input import START_US
from onlooker.lab.stream.site import Work
from onlooker.lab.stream.topics import making_topics
from producers.options import PublishOptions
from producers.publish.in_flight import Message
from producers.publish.publisher import KafkaClient
from producers.publish.publishing import Publisher
from schemas.broker import BrokerOptions
from schemas.errors import DependencyAwayError
from schemas.events import FrameCaptured, PictureEncoding
from schemas.message import About
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry

JPEG_BYTES, PNG_BYTES = 17_000, 120_000
"""A 640 x 360 frame of the sample clips as JPEG of quality 90, a 480 x 270 one as PNG, about."""
STANDS = 8
STALLED_S = 30.0


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One sort of picture."""

    name: str
    encoding: PictureEncoding
    size_bytes: int
    count: int


def bench_publish(work: Work) -> list[Comparison]:
    """Frames a second until all are acknowledged by the broker (acks=all, idempotent).

    Args:
        work: the site and how many frames.

    Returns:
        One comparison for each sort of picture. Encoding is in neither: both send the same finished messages.
    """
    kafka = work.site.kafka
    kinds = (
        Kind(name="17 KB JPEG", encoding="jpeg", size_bytes=JPEG_BYTES, count=work.amounts.jpeg_frames),
        Kind(name="120 KB PNG", encoding="png", size_bytes=PNG_BYTES, count=work.amounts.png_frames),
    )
    with making_topics(kafka, partitions=4):
        return [_compared(kafka, kind, work.repeat) for kind in kinds]


def _compared(kafka: BrokerOptions, kind: Kind, repeat: int) -> Comparison:
    messages = _messages(kind)
    turns = [(_bare(kafka, messages), _ours(kafka, messages)) for _ in range(repeat + 1)][1:]
    floor, ours = zip(*turns, strict=True)
    names = Names(ours=f"publisher, {kind.name}", floor="bare producer", unit="frames")
    return compare(names, ours=ours, floor=floor)


def _messages(kind: Kind) -> list[Message]:
    """Pictures of noise: no producer or broker looks inside, and JPEG compresses no better."""
    codec = AvroCodec(FileRegistry())
    chance = random.Random(kind.size_bytes)  # noqa: S311 - no secret
    picture = chance.randbytes(kind.size_bytes)
    return [
        Message(
            topic="frames",
            stand_id=f"stand-{index % STANDS:05d}",
            value=codec.encode(_frame(kind, picture, index)),
            about=About(producer="bench", produced_us=START_US, captured_us=START_US),
        )
        for index in range(kind.count)
    ]


def _frame(kind: Kind, picture: bytes, index: int) -> FrameCaptured:
    return FrameCaptured(
        stand_id=f"stand-{index % STANDS:05d}",
        camera_id="camera-1",
        frame_index=index // STANDS,
        t_us=START_US + 100_000 * (index // STANDS),
        width_px=640,
        height_px=360,
        encoding=kind.encoding,
        picture=picture,
    )


def _ours(kafka: BrokerOptions, messages: Sequence[Message]) -> Run:
    options = PublishOptions()
    publisher = Publisher(lambda: KafkaClient(kafka, options, ("frames",)), options)
    publisher.pump()  # connects

    def publish() -> None:
        settled = 0
        for message in messages:
            while not publisher.offer(message):
                publisher.wait(1.0)
                settled += len(publisher.settled())
        until = time.monotonic() + STALLED_S
        while settled < len(messages):
            publisher.wait(0.2)
            settled += len(publisher.settled())
            if time.monotonic() > until:
                raise DependencyAwayError(publisher.problem or "The broker acknowledges nothing.")

    try:
        return _timed(messages, publish)
    finally:
        publisher.close(1.0)


def _bare(kafka: BrokerOptions, messages: Sequence[Message]) -> Run:
    producer = bare_producer(kafka)
    name = kafka.topics.name("frames")
    producer.partitions_for(name)

    def publish() -> None:
        for message in messages:
            producer.send(name, message.value, message.stand_id.encode(), headers=message.about.headers())
        producer.flush(timeout=STALLED_S)

    try:
        return _timed(messages, publish)
    finally:
        producer.close()


def bare_producer(kafka: BrokerOptions) -> KafkaProducer:
    """A producer with the settings of `producers.publish.publisher`, and nothing around it.

    Args:
        kafka: how to reach the brokers.

    Returns:
        A connected producer; the caller closes it.
    """
    return KafkaProducer(
        **kafka.arguments(),
        acks="all",
        enable_idempotence=True,
        batch_size=256 * 1024,
        max_request_size=4 * 1024 * 1024,
        allow_auto_create_topics=False,
    )


def _timed(messages: Sequence[Message], work: Callable[[], None]) -> Run:
    size_bytes = sum(message.size_bytes for message in messages)
    started = time.perf_counter()
    work()
    return Run(count=len(messages), seconds=time.perf_counter() - started, size_bytes=size_bytes)
