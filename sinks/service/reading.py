"""Reads messages: each becomes a fact for the tables or a letter for the dead, and which is decided once."""

from collections.abc import Sequence
from typing import Any

import msgspec

from schemas.dead_letters import DeadLetterOptions, letter_of, without_picture
from schemas.errors import UndecodableError
from schemas.events import DeadLetter
from schemas.letter_limits import LetterLimits
from schemas.metrics import Pulse
from schemas.ports import EventCodec
from schemas.reading import decoded, trusted
from schemas.topics import TopicNames
from sinks.service.feed import Message, TopicPartition
from sinks.service.gathering import Entry


class FactReader:
    """Reads the facts in the messages of the topics that the sink keeps."""

    def __init__(self, codec: EventCodec, names: TopicNames) -> None:
        self._codec = codec
        self._names = names

    def read(self, tp: TopicPartition, message: Message, now_us: int, *, incarnation: str) -> Entry:
        """Read one message of anybody; `incarnation`: which topic of that name it lies in.

        Returns:
            A fact, or the letter to be sent. What cannot be read in the dead-letter topic itself becomes a
            letter in the table at once: sent to its topic it would come round for ever.

        Raises:
            DependencyAwayError: the schema registry is away: read it again later.
        """
        fact: Any
        letter: DeadLetter | None
        kind = self._names.topic(tp[0])
        assert kind is not None
        origin = (message.key, message.value)
        try:
            fact, letter = decoded(message.value, topic=kind, codec=self._codec), None
            if isinstance(fact, DeadLetter):
                fact = without_picture(fact)
        except UndecodableError as error:
            fact = None
            letter = letter_for(tp, message.offset, origin, error, at_us=now_us, incarnation=incarnation)
            if kind == "dead_letters":
                fact, letter = letter, None
        return Entry(
            offset=message.offset,
            fact=fact,
            letter=letter,
            size_bytes=len(message.value or b""),
            captured_us=message.captured_us,
            repeated=message.repeated,
            origin=origin,
        )


def believed(
    entries: Sequence[Entry], tp: TopicPartition, at_us: int, *, incarnation: str
) -> Sequence[Entry]:
    """The entries judged by the clock of their batch: who writes the batch again judges alike.

    Returns:
        The same entries; those from the future, or under another stand's key, with a letter in place of the
        fact. A letter is believed whatever the clock of its writer.
    """
    return [_believed(entry, tp, at_us, incarnation) for entry in entries]


def _believed(entry: Entry, tp: TopicPartition, at_us: int, incarnation: str) -> Entry:
    if entry.fact is None or isinstance(entry.fact, DeadLetter):
        return entry
    try:
        trusted(entry.fact, entry.origin[0], at_us)
    except UndecodableError as error:
        letter = letter_for(tp, entry.offset, entry.origin, error, at_us=at_us, incarnation=incarnation)
        return msgspec.structs.replace(entry, fact=None, letter=letter)
    return entry


def letter_for(
    tp: TopicPartition,
    offset: int,
    origin: tuple[bytes | None, bytes | None],
    error: UndecodableError,
    *,
    at_us: int,
    incarnation: str,
) -> DeadLetter:
    """The letter of a message, `origin` its key and value; the same message always has the same id."""
    topic, partition = tp
    return letter_of(
        error,
        service="sink",
        topic=topic,
        partition=partition,
        offset=offset,
        incarnation=incarnation,
        key=origin[0],
        value=origin[1],
        now_us=at_us,
    )


class Limits:
    """How many messages of each topic may be set aside before the sink stops, or sets a stand aside."""

    def __init__(self, options: DeadLetterOptions, pulse: Pulse) -> None:
        self._window = options.window
        self._limits = LetterLimits(options, pulse)

    def forget(self) -> None:
        """Other sinks may have the stands now."""
        self._limits.forget()

    def took(self, tp: TopicPartition, entries: Sequence[Entry]) -> None:
        """Take note of the messages of a batch, in order.

        Raises:
            LimitReachedError: too many were set aside. Nothing more is to be committed.
        """
        limit = self._limits.of(tp[0])
        # Of a batch without a letter the last ones say all.
        whole = any(entry.letter is not None for entry in entries)
        for entry in entries if whole else entries[-self._window :]:
            if entry.letter is None:
                limit.good(entry.origin[0])
            else:
                limit.bad(entry.origin[0], entry.letter)
