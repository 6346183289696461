"""The sink's producing door to kafka-python: dead letters out, and letters back to where they came from."""

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from kafka import KafkaProducer, errors

from schemas.broker import BrokerOptions
from schemas.errors import BrokerAwayError
from schemas.message import Header
from schemas.trouble import in_words

ANSWER_S = 10.0
MAX_REQUEST_BYTES = 5 * 1024 * 1024
"""A message at the brokers' limit with the letter around it."""


class ProducerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One message to be sent."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header] = ()


class AcknowledgedProducer:
    """Sends messages and returns when the brokers have them; connects on first use."""

    def __init__(self, broker: BrokerOptions) -> None:
        self._broker = broker
        self._producer: Any = None

    def send(self, messages: Iterable[ProducerRecord]) -> None:
        """Send messages in order; all are acknowledged when this returns.

        Raises:
            BrokerAwayError: not all were acknowledged: send all again.
            UsageError: the brokers refuse us.
        """
        try:
            with in_words(self._broker, errors.KafkaError):
                self._send(messages)
        except BrokerAwayError:
            self.close()
            raise

    def _send(self, messages: Iterable[ProducerRecord]) -> None:
        if self._producer is None:
            self._producer = self._connect()
        sent = [
            self._producer.send(m.topic, key=m.key, value=m.value, headers=list(m.headers)) for m in messages
        ]
        self._producer.flush(timeout=ANSWER_S)
        for future in sent:
            future.get(timeout=ANSWER_S)

    def close(self) -> None:
        """Let the brokers go."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(errors.KafkaError):
                producer.close(timeout=1.0)

    def _connect(self) -> Any:
        return KafkaProducer(
            **self._broker.arguments(),
            client_id="onlooker-sink",
            acks="all",
            max_request_size=MAX_REQUEST_BYTES,
            bootstrap_timeout_ms=5_000,
            metrics_enabled=False,
        )
