"""Sends a replay to Kafka: bounded, in order, and a play is acknowledged before what shows it is sent."""

from collections.abc import Callable
from typing import Any

import msgspec

from producers.publish.in_flight import Message
from producers.publish.publishing import Publisher
from schemas.errors import DependencyAwayError, LimitReachedError
from schemas.kinds import kinds
from schemas.message import About
from schemas.ports import EventCodec
from schemas.reading import stand_of
from schemas.topics import Topic


def replayed_topics() -> tuple[Topic, ...]:
    """What can be sent again: all that a recording may hold."""
    return kinds().topics(lambda kind: kind.recorded != "never")


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay sends with."""

    publisher: Publisher
    codec: EventCodec
    producer: str
    clock_us: Callable[[], int]
    stopped: Callable[[], bool]
    patience_s: float = 60.0
    """How long the brokers may be away at the end."""


class ReplaySender:
    """Takes the events of a replay."""

    def __init__(self, sending: Sending) -> None:
        self._sending = sending
        self._plays_open = 0
        self.sent = 0

    def emit(self, topic: Topic, event: Any) -> None:
        """Send an event; waits while there is no room, until stopped.

        Raises:
            UsageError: the brokers refuse us.
            LimitReachedError: the brokers take no message as large as this one.
        """
        while topic != "plays" and self._plays_open and not self._sending.stopped():
            self._settle()
        message = Message(
            topic=topic,
            stand_id=stand_of(event) or "",
            value=self._sending.codec.encode(event),
            about=About(producer=self._sending.producer, produced_us=self._sending.clock_us()),
            mark=topic,
        )
        while not self._sending.publisher.offer(message):
            if self._sending.stopped():
                return
            self._settle()
        self._plays_open += topic == "plays"
        self.sent += 1
        self._count()

    def close(self) -> None:
        """Wait until the brokers have everything.

        Raises:
            DependencyAwayError: they did not take all of it in time.
        """
        left = self._sending.publisher.close(self._sending.patience_s)
        if left:
            raise DependencyAwayError(
                f"{len(left)} messages were not acknowledged within {self._sending.patience_s:g} s: Kafka is "
                "away. Replay again under another prefix."
            )

    def _settle(self) -> None:
        self._sending.publisher.wait()
        self._count()

    def _count(self) -> None:
        for settled in self._sending.publisher.settled():
            if settled.refused is not None:
                raise LimitReachedError(
                    f"Kafka does not take a message for {settled.message.topic}: {settled.refused}"
                )
            self._plays_open -= settled.message.mark == "plays"
