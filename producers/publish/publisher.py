"""The door to Kafka for messages: kafka-python's producer, idempotent, acknowledged by all replicas."""

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError, NodeNotReadyError, RecordListTooLargeError
from kafka.future import Future
from kafka.net.compat import KafkaNetClient
from kafka.protocol.producer import ProduceRequest

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
_CLOSED_MS = 100.0
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


class KafkaClient:
    """A connected producer: one batch of a partition at a time, so that nothing overtakes.

    Args:
        options: how to reach the brokers.
        publish: bounds and time-outs.
        topics: that will be sent to.
        may_send: asked before each request with messages; while it says no, they wait.
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
        may_send: Callable[[], bool] = lambda: True,
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
                kafka_client=partial(_GatedClient, may_send),
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


class _GatedClient(KafkaNetClient):  # type: ignore[misc]
    """The connections of a producer, which send messages only while they may.

    The library's own thread asks, just before it sends: a process that was stopped for long wakes up with
    messages in that thread's hands.
    """

    def __init__(self, may_send: Callable[[], bool], **configs: Any) -> None:
        super().__init__(**configs)
        self._may_send = may_send
        self._is_awaited = False

    def is_ready(self, node_id: Any) -> bool:
        """Whether messages may be sent to a broker now."""
        return (self._is_awaited or self._may_send()) and super().is_ready(node_id)

    def await_ready(self, node_id: Any, timeout_ms: float = 30_000) -> bool:
        """Wait for a connection; asked for what is no message, which is always sent."""
        self._is_awaited = True
        try:
            return bool(super().await_ready(node_id, timeout_ms=timeout_ms))
        finally:
            self._is_awaited = False

    def connection_delay(self, node_id: Any) -> float:
        """For how long it need not be asked again, ms."""
        delay_ms: float = super().connection_delay(node_id)
        return delay_ms if self._may_send() else max(delay_ms, _CLOSED_MS)

    def send(self, node_id: Any, request: Any, **kwargs: Any) -> Any:
        """Send a request; one with messages fails, and is tried again later, while none may be sent."""
        if isinstance(request, ProduceRequest) and not self._may_send():
            return Future().failure(NodeNotReadyError(node_id))
        return super().send(node_id, request, **kwargs)


def _require_topics(options: BrokerOptions, topics: Sequence[Topic]) -> None:
    with closing(Topics(options, patience_s=_BOOTSTRAP_MS / 1000)) as door:
        there = door.names()
    missing = sorted({options.topics.name(topic) for topic in topics} - set(there))
    if missing:
        raise UsageError(
            f"There is no topic {' and no topic '.join(missing)} at {options.bootstrap}: run "
            "`onlooker topics create` first."
        )
