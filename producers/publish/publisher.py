"""The door to Kafka for messages: kafka-python's producer, idempotent, acknowledged by all replicas."""

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from producers.brokers.topics import Topics
from producers.options import PublishOptions
from producers.publish.in_flight import Message
from producers.publish.publishing import OnDone
from schemas.bounds import FRAME_BYTES
from schemas.broker import BrokerOptions
from schemas.clocks import Clocks
from schemas.errors import UsageError
from schemas.topics import Topic
from schemas.trouble import in_words, trouble_of
from schemas.units import US_PER_MS

_BATCH_BYTES = 256 * 1024
_NEVER_MS = 7 * 86_400_000
"""Messages do not expire: one that did would leave a gap."""
_BOOTSTRAP_MS = 3_000
_METADATA_MS = 2_000
_RECONNECT_MS = 2_000
_CLOSE_S = 2.0
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


class KafkaClient:
    """A connected producer: one batch of a partition at a time, so that nothing overtakes.

    Args:
        options: where the brokers are.
        publish: how long they may take.
        topics: that must be there.
        clocks: the wall clock that messages are stamped by.

    Raises:
        DependencyAwayError: the brokers do not answer.
        UsageError: they refuse us, or a topic is missing.
    """

    def __init__(
        self,
        options: BrokerOptions,
        publish: PublishOptions,
        topics: Sequence[Topic],
        *,
        clocks: Clocks = Clocks(),  # noqa: B008 - a frozen value
    ) -> None:
        self._options = options
        self._now_us = clocks.now_us
        _require_topics(options, topics)
        request_ms = round(publish.request_timeout_s * 1000)
        with in_words(options, KafkaError, OSError):
            self._producer: Any = KafkaProducer(
                **options.arguments(),
                client_id="onlooker-capture",
                acks="all",
                enable_idempotence=True,
                batch_size=_BATCH_BYTES,
                max_request_size=FRAME_BYTES,
                delivery_timeout_ms=max(_NEVER_MS, 2 * request_ms),
                request_timeout_ms=request_ms,
                max_block_ms=_METADATA_MS,
                bootstrap_timeout_ms=_BOOTSTRAP_MS,
                reconnect_backoff_max_ms=_RECONNECT_MS,
                allow_auto_create_topics=False,
            )

    def send(self, message: Message, done: OnDone) -> None:
        """Hand a message over; waits up to two seconds for its topic's partitions to be known.

        Args:
            message: keyed by its stand.
            done: called later, by a thread of the client, with what became of it.

        Raises:
            DependencyAwayError: it cannot be handed over now; `done` is not called.
            UsageError: the brokers refuse us.
        """
        name, key = self._options.topics.name(message.topic), message.stand_id.encode()
        try:
            future = self._producer.send(
                name,
                message.value,
                key,
                headers=message.about.headers(),
                timestamp_ms=self._now_us() // US_PER_MS,
            )
        except _TOO_LARGE:
            done("too_large")
            return
        except KafkaError as error:
            raise trouble_of(error, self._options) from error
        future.add_callback(lambda _: done(None))
        future.add_errback(lambda error: done(self._outcome(error)))

    def abandon(self) -> None:
        """Send nothing more, at once; what is not acknowledged fails."""
        # The library's `close` waits for a flush first, which never ends while the brokers are away; its own
        # clean-up must not try that later either.
        self._producer._closed = True
        self._producer._unregister_cleanup()
        self._producer._sender.force_close()

    def close(self) -> None:
        """Let the brokers go, with nothing in flight."""
        try:
            self._producer.close(timeout=_CLOSE_S)
        except KafkaError:
            self.abandon()

    def _outcome(self, error: Exception) -> object:
        return "too_large" if isinstance(error, _TOO_LARGE) else trouble_of(error, self._options)


def _require_topics(options: BrokerOptions, topics: Sequence[Topic]) -> None:
    with closing(Topics(options, patience_s=_BOOTSTRAP_MS / 1000)) as door:
        there = door.names()
    missing = sorted({options.topics.name(topic) for topic in topics} - set(there))
    if missing:
        raise UsageError(
            f"There is no topic {' and no topic '.join(missing)} at {options.bootstrap}: run "
            "`onlooker topics create` first."
        )
