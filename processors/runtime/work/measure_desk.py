"""MEASURE's desk: messages in, facts and dead letters out, states advanced. No broker in sight."""

from collections.abc import Sequence
from typing import Any

from processors.runtime.work.aside import Aside
from processors.runtime.work.reading import Reader
from processors.runtime.work.stands import StandStates
from processors.runtime.work.traffic import Outgoing, Received
from processors.topology import StageFold, topic_of
from schemas.errors import OnlookerError, UndecodableError
from schemas.metrics import Meter
from schemas.ports import EventCodec


class MeasureDesk:
    """Takes messages in the order in which they should enter.

    Args:
        fold: MEASURE with its inputs aligned.
        states: of the stands.
        reader: messages to events.
        aside: for those that cannot be handled.
        codec: facts to bytes.
        meter: takes the counts.
    """

    def __init__(
        self,
        fold: StageFold,
        states: StandStates,
        *,
        reader: Reader,
        aside: Aside,
        codec: EventCodec,
        meter: Meter,
    ) -> None:
        self._fold = fold
        self._states = states
        self._reader = reader
        self._aside = aside
        self._codec = codec
        self._meter = meter

    async def handle(self, messages: Sequence[Received]) -> list[Outgoing]:
        """Handle messages, in their order.

        Args:
            messages: of any stands.

        Returns:
            What follows from them, in order.

        Raises:
            LimitReachedError: too many messages are bad.
            UsageError: a checkpoint is of another version.
        """
        return [out for message in messages for out in self._one(message)]

    def _one(self, message: Received) -> Sequence[Outgoing]:
        try:
            event = self._reader.read(message)
        except UndecodableError as error:
            return (self._aside.letter(message, error),)
        stand_id, place = event.stand_id, message.place
        if self._states.covers(stand_id, place):
            self._meter.count("messages_ignored", topic=place.topic, cause="checkpointed")
            return ()
        state = self._states.state(stand_id)
        try:
            after, facts = self._fold.step(state, event)
            out = [self._outgoing(fact, message, stand_id) for fact in facts]
        except OnlookerError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the other stands go on
            self._states.advance(stand_id, place, state)
            return (self._aside.failed(message, error),)
        self._states.advance(stand_id, place, after)
        self._aside.good(place.topic)
        return out

    def _outgoing(self, fact: Any, message: Received, stand_id: str) -> Outgoing:
        return Outgoing(
            topic=topic_of(fact),
            partition=message.place.partition,
            key=stand_id.encode(),
            value=self._codec.encode(fact),
            cause=message.place,
            captured_us=message.captured_us,
        )
