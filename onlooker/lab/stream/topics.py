"""The topics of a benchmark: made under its own prefix, filled with traffic, deleted when it ends."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError

from onlooker.lab.stream.input import Crowd, traffic
from processors.topology import topic_of
from producers.brokers.plan import TopicOptions, plan_topics, wanted_topics
from producers.brokers.topics import Topics
from schemas.broker import BrokerOptions
from schemas.events import FaceObservations
from schemas.message import About
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry


@contextmanager
def making_topics(kafka: BrokerOptions, *, partitions: int) -> Iterator[None]:
    """The topics of a site, as `onlooker topics create` makes them, for as long as they are needed.

    Args:
        kafka: with a prefix that nobody else has: everything that begins with it is deleted.
        partitions: of each topic.

    Yields:
        Nothing.
    """
    door = Topics(kafka)
    try:
        wanted = wanted_topics(
            TopicOptions(partitions=partitions), kafka.topics, brokers=door.brokers(), found={}
        )
        door.create(plan_topics(wanted, {}))
    finally:
        door.close()
    try:
        yield
    finally:
        _delete(kafka)


def _delete(kafka: BrokerOptions) -> None:
    admin = KafkaAdminClient(**kafka.arguments())
    try:
        ours = [name for name in admin.list_topics() if name.startswith(kafka.prefix)]
        with contextlib.suppress(KafkaError):
            admin.delete_topics(ours)
    finally:
        admin.close()


def prefill(kafka: BrokerOptions, crowd: Crowd) -> int:
    """Put the traffic of stands into `observations` and `plays`, plays first.

    Args:
        kafka: the site.
        crowd: how much.

    Returns:
        Observations written.
    """
    codec = AvroCodec(FileRegistry())
    producer = KafkaProducer(**kafka.arguments(), linger_ms=20, batch_size=256 * 1024)
    written = 0
    try:
        for event in sorted(traffic(crowd), key=lambda event: isinstance(event, FaceObservations)):
            written += isinstance(event, FaceObservations)
            about = About(producer="bench", produced_us=0)
            name = kafka.topics.name(topic_of(event))
            producer.send(name, codec.encode(event), event.stand_id.encode(), headers=about.headers())
        producer.flush()
    finally:
        producer.close()
    return written
