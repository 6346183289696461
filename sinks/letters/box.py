"""Dead letters of the sink: made of messages that cannot be read or stored, sent to their topic."""

from collections.abc import Callable, Sequence

from schemas.events import DeadLetter
from schemas.message import About
from schemas.ports import EventCodec
from sinks.letters.topic import AcknowledgedProducer, ProducerRecord


class LetterBox:
    """Sends letters to the dead-letter topic.

    Args:
        sender: to the brokers.
        codec: letters to bytes.
        topic: the dead-letter topic, as the broker names it.
        producer: name of this process.
        now_us: wall clock, us UTC.
    """

    def __init__(
        self,
        sender: AcknowledgedProducer,
        codec: EventCodec,
        *,
        topic: str,
        producer: str,
        now_us: Callable[[], int],
    ) -> None:
        self._sender = sender
        self._codec = codec
        self._topic = topic
        self._producer = producer
        self._now_us = now_us

    def post(self, letters: Sequence[DeadLetter], *, repeated: bool = False) -> None:
        """Send letters; the brokers have all of them when this returns.

        Args:
            letters: keyed as the messages that they carry, so that a stand's letters keep their order.
            repeated: they may have been sent before.

        Raises:
            BrokerAwayError: not all were acknowledged: post all of them again, as repeated.
        """
        about = About(producer=self._producer, produced_us=self._now_us(), repeated=repeated)
        self._sender.send(
            ProducerRecord(
                topic=self._topic,
                key=letter.key,
                value=self._codec.encode(letter),
                headers=about.headers(),
            )
            for letter in letters
        )
