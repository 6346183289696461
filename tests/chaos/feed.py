"""Feeds synthetic events into the topics at a steady pace, in order, and through every kill of a broker."""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from kafka import KafkaProducer

from schemas.broker import BrokerOptions
from schemas.events import MeasureInput, Play
from schemas.message import About
from schemas.ports import EventCodec
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry

CHUNK = 200
IN_FLIGHT = 2000
PATIENCE_S = 120.0
"""How long a broker's answer may take before the feed itself has failed."""


class Feed:
    """A thread with an idempotent producer that keeps a bounded number of messages in flight.

    The plays of a chunk are acknowledged before its first observation is sent.

    Args:
        broker: the cluster and the site's prefix.
        events: in their order.
        per_s: how many a second.
    """

    def __init__(self, broker: BrokerOptions, events: Iterable[MeasureInput], *, per_s: float) -> None:
        self._events = iter(events)
        self._per_s = per_s
        self._observations = broker.topics.name("observations")
        self._plays = broker.topics.name("plays")
        self._codec: EventCodec = AvroCodec(FileRegistry())
        self._producer = KafkaProducer(
            bootstrap_servers=broker.bootstrap,
            acks="all",
            enable_idempotence=True,
            delivery_timeout_ms=int(PATIENCE_S * 1000),
            request_timeout_ms=10_000,
            reconnect_backoff_max_ms=1000,
            linger_ms=10,
        )
        self._room = threading.Semaphore(IN_FLIGHT)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self.failure: BaseException | None = None
        self.acknowledged = 0
        self.started_s = 0.0

    def start(self) -> None:
        """Begin to feed."""
        self.started_s = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Feed no more."""
        self._stop.set()
        self._thread.join(PATIENCE_S)

    @property
    def done(self) -> bool:
        """Whether everything has been acknowledged."""
        if self.failure is not None:
            raise self.failure
        return self._thread.ident is not None and not self._thread.is_alive()

    def _run(self) -> None:
        try:
            sent = 0
            for chunk in _chunks(self._events):
                if self._stop.wait(max(0.0, self.started_s + sent / self._per_s - time.monotonic())):
                    break
                self._send_all(self._plays, [each for each in chunk if isinstance(each, Play)])
                if any(isinstance(each, Play) for each in chunk):
                    self._wait_for_all()
                self._send_all(self._observations, [each for each in chunk if not isinstance(each, Play)])
                sent += len(chunk)
            self._wait_for_all()
        except BaseException as error:  # noqa: BLE001 - the roof of this thread: `done` raises it again
            self.failure = error
        finally:
            self._producer.close(timeout=5)

    def _send_all(self, topic: str, events: Sequence[MeasureInput]) -> None:
        for event in events:
            assert self._room.acquire(timeout=PATIENCE_S), "no broker answers"
            if self.failure is not None:
                raise self.failure
            about = About(producer="chaos", produced_us=time.time_ns() // 1000)
            sent = self._producer.send(
                topic,
                key=event.stand_id.encode(),
                value=self._codec.encode(event),
                headers=about.headers(),
            )
            sent.add_callback(self._acknowledge).add_errback(self._fail)

    def _wait_for_all(self) -> None:
        """Until nothing is in flight."""
        for _ in range(IN_FLIGHT):
            assert self._room.acquire(timeout=PATIENCE_S), "no broker answers"
        self._room.release(IN_FLIGHT)
        if self.failure is not None:
            raise self.failure

    def _acknowledge(self, _: Any) -> None:
        self.acknowledged += 1
        self._room.release()

    def _fail(self, error: BaseException) -> None:
        self.failure = error
        self._room.release()


def _chunks(events: Iterator[MeasureInput]) -> Iterator[list[MeasureInput]]:
    while chunk := list(islice(events, CHUNK)):
        yield chunk
