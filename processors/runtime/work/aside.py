"""Setting aside: a message that cannot be handled becomes a dead letter, counted and limited."""

import traceback
from collections.abc import Callable

from processors.runtime.work.traffic import Outgoing, Received
from processors.topology import StageName
from schemas.dead_letters import letter_of
from schemas.errors import UndecodableError
from schemas.letter_limits import LetterLimits
from schemas.metrics import Meter
from schemas.ports import EventCodec
from schemas.topics import TopicNames

MOST_ERROR = 200
"""Characters of a fault's own words: they may quote what was handled."""


class Aside:
    """Makes dead letters of one stage's messages.

    Args:
        stage: who sets them aside.
        names: of this site's topics.
        codec: events to bytes.
        limits: how many bad messages of a topic are too many.
        clock_us: wall clock, us UTC.
        meter: takes the count of letters.
    """

    def __init__(
        self,
        stage: StageName,
        names: TopicNames,
        *,
        codec: EventCodec,
        limits: LetterLimits,
        clock_us: Callable[[], int],
        meter: Meter,
    ) -> None:
        self._stage = stage
        self._names = names
        self._codec = codec
        self._clock_us = clock_us
        self._meter = meter
        self._limits = limits

    def good(self, message: Received) -> None:
        """A message was handled."""
        self._limits.of(message.place.topic).good(message.key)

    def forget(self) -> None:
        """Other workers may have the stands now."""
        self._limits.forget()

    def letter(self, message: Received, error: UndecodableError) -> Outgoing:
        """Set a message aside.

        Returns:
            The letter, for the partition of the same number.

        Raises:
            LimitReachedError: too many messages are bad, and not only a stand's: something larger is wrong.
        """
        place = message.place
        name = self._names.name(place.topic)
        letter = letter_of(
            error,
            service=self._stage,
            topic=name,
            partition=place.partition,
            offset=place.offset,
            incarnation=place.incarnation,
            key=message.key,
            value=message.value,
            now_us=self._clock_us(),
        )
        self._limits.of(place.topic).bad(message.key, letter)
        self._meter.count("dead_letters", topic=place.topic, cause=error.cause)
        return Outgoing(
            topic="dead_letters",
            partition=place.partition,
            key=letter.key or name.encode(),
            value=self._codec.encode(letter),
            cause=place,
            captured_us=message.captured_us,
        )

    def failed(self, message: Received, error: Exception) -> Outgoing:
        """Set a message aside whose handling went wrong: a fault of ours, and the stand goes on without it.

        Returns:
            The letter, with the last place of the traceback.

        Raises:
            LimitReachedError: too many messages are bad.
        """
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}"
        words = f"{type(error).__name__}: {str(error)[:MOST_ERROR]} ({where})"
        return self.letter(message, UndecodableError("failed", words))
