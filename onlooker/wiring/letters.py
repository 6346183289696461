"""Letters on their topic, and the way back from where they came."""

from collections.abc import Sequence
from contextlib import closing

from onlooker.settings.configuration import Settings
from schemas.errors import UndecodableError, UsageError
from schemas.events import DeadLetter
from schemas.message import REPEATED
from schemas.ports import EventCodec
from sinks.letters.stored import Choice
from sinks.letters.topic import AcknowledgedProducer, ProducerRecord
from sinks.recording.feed import whole_topic

REPLAYED = "replayed"
"""Header of a message that was sent again: the id of its dead letter."""


def letters_on_topic(settings: Settings, codec: EventCodec, choice: Choice) -> list[DeadLetter]:
    """The letters that are on the dead-letter topic now, newest first, at most `choice.limit`."""
    found = []
    for message in whole_topic(settings.kafka, "dead_letters"):
        try:
            letter = codec.decode(message.value)
        except UndecodableError:
            continue
        if isinstance(letter, DeadLetter) and choice.takes(letter):
            found.append(letter)
    found.sort(key=lambda letter: letter.failed_us, reverse=True)
    return list({letter.letter_id: letter for letter in found}.values())[: choice.limit]


def send_again(settings: Settings, letters: Sequence[DeadLetter]) -> None:
    """Send the messages of letters, oldest first, to their topics; the brokers have them when this returns.

    Raises:
        UsageError: a letter's topic is none of this site's.
        DependencyAwayError: the brokers are away.
    """
    broker = settings.kafka
    for letter in letters:
        if broker.topics.topic(letter.topic) is None:
            raise UsageError(
                f"{letter.topic} is no topic of this site: check `kafka.prefix` ({broker.prefix!r} now)"
            )
    with closing(AcknowledgedProducer(broker)) as producer:
        producer.send(
            ProducerRecord(
                topic=letter.topic,
                key=letter.key,
                value=letter.value,
                headers=((REPLAYED, str(letter.letter_id).encode()), (REPEATED, b"1")),
            )
            for letter in letters
        )
