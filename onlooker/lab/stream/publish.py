"""Publishing frames: the publisher of `capture`, next to a bare producer with the same settings."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from kafka import KafkaProducer

from onlooker.lab.stream.figures import Comparison, Run, Sides, side_by_side, timed
from onlooker.lab.stream.input import START_US, stand_name
from onlooker.lab.stream.site import Site, apart, bare_producer
from producers.options import PublishOptions
from producers.publish.in_flight import Message
from producers.publish.pictures import Encoded
from producers.publish.publisher import KafkaClient
from producers.publish.publishing import Publisher
from schemas.broker import BrokerOptions
from schemas.errors import DependencyAwayError
from schemas.events import FrameCaptured
from schemas.message import About
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry

STANDS = 8
STALLED_S = 30.0
SIDES = [
    Sides(ours=f"publisher, {kind}", floor="bare producer", unit="frames")
    for kind in ("17 KB JPEG", "120 KB PNG")
]


def bench_publish(site: Site) -> list[Comparison]:
    """Frames a second until all are acknowledged by the broker (acks=all, idempotent).

    Encoding is in neither side: both send the same finished messages, as large as a 640 x 360 frame
    of the sample clips as JPEG of quality 90 and a 480 x 270 one as PNG, about.
    """
    # Noise: no producer or broker looks inside, and JPEG compresses no better.
    jpeg = Encoded(picture=os.urandom(17_000), encoding="jpeg", width_px=640, height_px=360)
    png = Encoded(picture=os.urandom(120_000), encoding="png", width_px=480, height_px=270)
    kinds = _messages(jpeg, site.amount(3000, quick=100)), _messages(png, site.amount(500, quick=20))
    with apart(site, partitions=4) as here:

        def turn(_: int) -> list[tuple[Run, Run]]:
            return [_turn(here.kafka, messages) for messages in kinds]

        turn(0)  # warms up
        return side_by_side(SIDES, repeat=site.repeat, turn=turn)


def _turn(kafka: BrokerOptions, messages: Sequence[Message]) -> tuple[Run, Run]:
    moved = {"count": len(messages), "size_bytes": sum(each.size_bytes for each in messages)}
    name = kafka.topics.name("frames")
    with publisher_of(kafka, PublishOptions()) as publisher:
        ours = timed(lambda: _publish(publisher, messages), **moved)
    with closing(bare_producer(kafka)) as producer:
        producer.partitions_for(name)  # connects
        return ours, timed(lambda: _publish_bare(producer, name, messages), **moved)


def _messages(picture: Encoded, count: int) -> list[Message]:
    codec, places = AvroCodec(FileRegistry()), (divmod(number, STANDS) for number in range(count))
    return [
        frame_message(codec, picture, stand=stand, index=index, at_us=START_US + 100_000 * index)
        for index, stand in places
    ]


def frame_message(codec: AvroCodec, picture: Encoded, *, stand: int, index: int, at_us: int) -> Message:
    """A frame as `capture` sends it, stamped with the moment of its capture, us UTC."""
    frame = FrameCaptured(
        stand_id=stand_name(stand),
        camera_id="camera-1",
        frame_index=index,
        t_us=at_us,
        width_px=picture.width_px,
        height_px=picture.height_px,
        encoding=picture.encoding,
        picture=picture.picture,
    )
    about = About(producer="bench", produced_us=at_us, captured_us=at_us)
    return Message(topic="frames", stand_id=frame.stand_id, value=codec.encode(frame), about=about)


@contextmanager
def publisher_of(kafka: BrokerOptions, options: PublishOptions) -> Iterator[Publisher]:
    """The publisher of `capture`, for frames."""
    publisher = Publisher(lambda: KafkaClient(kafka, options, ("frames",)), options)
    try:
        publisher.pump()  # connects
        yield publisher
    finally:
        publisher.close(1.0)


def _publish(publisher: Publisher, messages: Sequence[Message]) -> None:
    for message in messages:
        while not publisher.offer(message):
            publisher.wait(1.0)
            publisher.settled()
    until_s = time.monotonic() + STALLED_S
    while publisher.messages_in_flight:
        publisher.wait(0.2)
        publisher.settled()
        if time.monotonic() > until_s:
            raise DependencyAwayError(publisher.problem or "The broker acknowledges nothing.")


def _publish_bare(producer: KafkaProducer, name: str, messages: Sequence[Message]) -> None:
    for message in messages:
        producer.send(name, message.value, message.stand_id.encode(), headers=message.about.headers())
    producer.flush(timeout=STALLED_S)
