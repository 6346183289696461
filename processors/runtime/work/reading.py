"""Reading: a message becomes an event of its topic, or the reason why it must be set aside."""

from collections.abc import Callable
from typing import Any

from processors.runtime.work.traffic import Received
from schemas.belief import believable, fitting
from schemas.errors import UndecodableError
from schemas.ports import EventCodec


class Reader:
    """Decodes messages and believes only what can be.

    Args:
        codec: bytes to events.
        clock_us: wall clock, us UTC.
    """

    def __init__(self, codec: EventCodec, clock_us: Callable[[], int]) -> None:
        self._codec = codec
        self._clock_us = clock_us

    def read(self, message: Received) -> Any:
        """The event of a message.

        Args:
            message: from anybody.

        Returns:
            An event that its topic carries, of the stand that its key names.

        Raises:
            UndecodableError: it is none, or must not be believed.
            DependencyAwayError: the registry is away.
        """
        event = self._codec.decode(message.value)
        fitting(event, message.place.topic)
        believable(event, self._clock_us())
        if message.key != event.stand_id.encode():
            raise UndecodableError(
                "wrong_type", f"The event is of the stand {event.stand_id!r}, its key says something else."
            )
        return event
