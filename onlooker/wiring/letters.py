"""Opens what `dead-letters` works on: letters in the database or on their topic, and the way back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from onlooker.settings.configuration import Settings
from onlooker.wiring.broker import broker_options
from onlooker.wiring.database import opened
from onlooker.wiring.schemas import build_codec
from schemas.errors import UndecodableError, UsageError
from schemas.events import DeadLetter
from schemas.message import REPEATED
from schemas.ports import EventCodec
from sinks.letters.stored import Choice
from sinks.letters.topic import AcknowledgedProducer, ProducerRecord
from sinks.service.consumer import whole_topic
from sinks.store.clickhouse import ClickHouse

REPLAYED = "replayed"
"""Header of a message that was sent again: the id of its dead letter."""


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says about brokers and database."""

    settings: Settings
    bootstrap: str | None = None
    url: str | None = None
    data_dir: Path | None = None


@contextmanager
def database(where: Where, *, read_only: bool = True) -> Iterator[ClickHouse]:
    """The database with the letters.

    Args:
        where: it is.
        read_only: refuse statements that change something.

    Yields:
        A connection.
    """
    configured = None if where.url or where.data_dir else where.settings.clickhouse.address()
    if configured is None:
        data_dir = where.data_dir or (None if where.url else where.settings.data_dir)
        with opened(data_dir, where.url, read_only=read_only) as store:
            yield store
        return
    store = ClickHouse(configured, read_only=read_only)
    try:
        store.check_version()
        yield store
    finally:
        store.close()


def codec_of(where: Where, environ: dict[str, str]) -> EventCodec:
    """What reads the messages in letters.

    Args:
        where: the registry is.
        environ: of this process.

    Returns:
        The codec of the services.
    """
    broker = broker_options(where.settings, where.bootstrap)
    return build_codec(where.settings.registry, broker.topics, environ)


def letters_on_topic(where: Where, codec: EventCodec, choice: Choice) -> list[DeadLetter]:
    """The letters that are on the dead-letter topic now, newest first.

    Args:
        where: the brokers are.
        codec: bytes to letters.
        choice: which.

    Returns:
        At most `choice.limit`.
    """
    broker = broker_options(where.settings, where.bootstrap)
    found = []
    for _, message in whole_topic(broker, broker.topics.name("dead_letters")):
        try:
            letter = codec.decode(message.value)
        except UndecodableError:
            continue
        if isinstance(letter, DeadLetter) and choice.takes(letter):
            found.append(letter)
    found.sort(key=lambda letter: letter.failed_us, reverse=True)
    return list({letter.letter_id: letter for letter in found}.values())[: choice.limit]


def send_again(where: Where, letters: Sequence[DeadLetter]) -> None:
    """Send the messages of letters to the topics they came from; the brokers have them when this returns.

    Args:
        where: the brokers are.
        letters: oldest first.

    Raises:
        UsageError: a letter's topic is none of this site's.
        DependencyAwayError: the brokers are away.
    """
    broker = broker_options(where.settings, where.bootstrap)
    for letter in letters:
        if broker.topics.topic(letter.topic) is None:
            raise UsageError(
                f"{letter.topic} is no topic of this site: check `kafka.prefix` ({broker.prefix!r} now)"
            )
    producer = AcknowledgedProducer(broker)
    try:
        producer.send(
            ProducerRecord(
                topic=letter.topic,
                key=letter.key,
                value=letter.value,
                headers=((REPLAYED, str(letter.letter_id).encode()), (REPEATED, b"1")),
            )
            for letter in letters
        )
    finally:
        producer.close()
