"""Builds the sink: a member of the consumer group, a migrated database, and what stands between them."""

import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from onlooker.settings.configuration import Settings
from onlooker.telemetry import KindMeter, Watch
from onlooker.wiring.broker import broker_options
from onlooker.wiring.database import prepare
from onlooker.wiring.schemas import build_codec
from schemas.broker import BrokerOptions
from schemas.errors import DependencyAwayError, LimitReachedError, UsageError
from schemas.ports import EventCodec
from schemas.topics import Topic
from sinks.letters.box import LetterBox
from sinks.letters.topic import AcknowledgedProducer
from sinks.service.backoff import Backoff
from sinks.service.batch_writer import BatchWriter, Reporting
from sinks.service.consumer import GroupConsumer
from sinks.service.known import Remembered
from sinks.service.loop import Sink, SinkParts
from sinks.service.reading import Limits, Reader
from sinks.store.address import Address
from sinks.store.clickhouse import ClickHouse
from sinks.store.embedded.server import EmbeddedServer

TOPICS: tuple[Topic, ...] = ("visits", "plays", "campaign_windows", "dead_letters")
"""What becomes rows."""
Revive = Callable[[], None]


class SinkRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What `sink` was asked for besides its settings."""

    bootstrap: str | None = None
    url: str | None = None
    data_dir: Path | None = None


def execute_sink(settings: Settings, request: SinkRequest, watch: Watch, stop: threading.Event) -> None:
    """Write what the topics carry until asked to stop.

    Args:
        settings: brokers, database, thresholds.
        request: what the command line says.
        watch: takes figures and heartbeats.
        stop: asks for the end.

    Raises:
        UsageError: wrong configuration, or a server refuses us.
        LimitReachedError: too many messages are bad.
        CheckFailedError: the brokers have lost messages, or the database is newer than this program.
    """
    with ExitStack() as stack:
        address, revive = stack.enter_context(_database(settings, request))
        store = ClickHouse(address, timeout_s=settings.sink.insert_timeout_s)
        stack.callback(store.close)
        if _prepared(store, address, settings, watch, stop):
            build_sink(settings, request, store, watch, revive=revive).run(stop)


def build_sink(
    settings: Settings,
    request: SinkRequest,
    store: ClickHouse,
    watch: Watch,
    *,
    revive: Revive | None = None,
) -> Sink:
    """A sink that has not asked anybody yet.

    Args:
        settings: brokers and options.
        request: what the command line says.
        store: the database, migrated.
        watch: takes figures and heartbeats.
        revive: starts an embedded server again.
    """
    broker, options = broker_options(settings, request.bootstrap), settings.sink
    codec = build_codec(settings.registry, broker.topics, os.environ)
    meter = KindMeter(watch.meter, broker.topics)
    limits, name = Limits(options.dead_letters), f"sink@{socket.gethostname()}:{os.getpid()}"
    letters = _letter_box(broker, codec, name)
    writer = BatchWriter(
        store,
        letters,
        memory=Remembered(options.remembered_facts),
        limits=limits,
        reporting=Reporting(meter=meter, writer=name),
    )
    parts = SinkParts(
        feed=GroupConsumer(broker, TOPICS, options),
        reader=Reader(codec, broker.topics),
        writer=writer,
        limits=limits,
        meter=meter,
        pulse=watch.pulse,
        jitter=random.random,
        revive=revive,
    )
    return Sink(parts, options)


def _letter_box(broker: BrokerOptions, codec: EventCodec, name: str) -> LetterBox:
    return LetterBox(
        AcknowledgedProducer(broker),
        codec,
        topic=broker.topics.name("dead_letters"),
        producer=name,
        now_us=lambda: time.time_ns() // 1000,
    )


@contextmanager
def _database(settings: Settings, request: SinkRequest) -> Iterator[tuple[Address, Revive | None]]:
    if request.url is not None and request.data_dir is not None:
        raise UsageError("say either --data-dir or --url, not both")
    clickhouse = settings.clickhouse
    if request.url is not None:
        clickhouse = msgspec.structs.replace(clickhouse, url=request.url)
    address = None if request.data_dir is not None else clickhouse.address()
    if address is not None:
        yield address, None
        return
    with EmbeddedServer(request.data_dir or settings.data_dir) as server:
        yield server.address(), server.ensure_running


def _prepared(
    store: ClickHouse, address: Address, settings: Settings, watch: Watch, stop: threading.Event
) -> bool:
    """Wait for the database and bring its tables up to date; False when asked to stop before."""
    options = settings.sink
    backoff = Backoff(options.first_wait_s, options.longest_wait_s, random.random)
    while not stop.is_set():
        watch.pulse.beat("sink")
        try:
            prepare(store, address, settings)
        except (DependencyAwayError, LimitReachedError) as error:
            watch.pulse.away("clickhouse", str(error))
            watch.meter.count("retries", dependency="clickhouse")
            backoff.failed(time.monotonic())
            stop.wait(backoff.wait_s(time.monotonic()))
        else:
            watch.pulse.away("clickhouse", None)
            return True
    return False
