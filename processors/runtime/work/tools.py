"""What every desk works with: the reading of messages, their letters, and the way out."""

from collections.abc import Callable
from typing import Any

import msgspec

from processors.runtime.work.aside import Aside
from processors.runtime.work.traffic import Outgoing, Received
from processors.topology import topic_of
from schemas.metrics import Meter, Pulse
from schemas.ports import EventCodec
from schemas.reading import event_of


class DeskTools(msgspec.Struct, frozen=True, kw_only=True):
    """What every desk works with."""

    codec: EventCodec
    aside: Aside
    """For messages that cannot be handled."""
    meter: Meter
    pulse: Pulse
    """Hears of every message whether it changed something."""
    clock_us: Callable[[], int]
    """Wall clock, us UTC; says what is from the future."""

    def event_in(self, message: Received) -> Any:
        """The event of a message.

        Returns:
            An event that its topic carries, of the stand that its key names.

        Raises:
            UndecodableError: it is none, or must not be believed.
            DependencyAwayError: the registry is away.
        """
        return event_of(
            message.key,
            message.value,
            topic=message.place.topic,
            codec=self.codec,
            now_us=self.clock_us(),
        )

    def ignored(self, message: Received, cause: str) -> None:
        """A message changed nothing."""
        self.meter.count("messages_ignored", topic=message.place.topic, cause=cause)
        self.pulse.ignored(message.place.topic, cause)

    def outgoing(self, event: Any, cause: Received, stand_id: str) -> Outgoing:
        """What follows from a message, as it goes out."""
        return Outgoing(
            topic=topic_of(event),
            partition=cause.place.partition,
            key=stand_id.encode(),
            value=self.codec.encode(event),
            cause=cause.place,
            captured_us=cause.captured_us,
        )
