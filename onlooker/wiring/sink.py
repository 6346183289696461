"""Builds the sink: a member of the consumer group, a migrated database, and what stands between them."""

import os
import random
import socket
import threading
import time

from onlooker.settings.configuration import Settings
from onlooker.telemetry import KindMeter, KindPulse, Watch
from onlooker.wiring.database import Database, prepare, serving
from onlooker.wiring.schemas import build_codec
from schemas.clocks import Clocks
from schemas.errors import DependencyAwayError, LimitReachedError
from schemas.kinds import kinds
from sinks.letters.box import LetterBox
from sinks.letters.topic import AcknowledgedProducer
from sinks.service.backoff import Backoff
from sinks.service.batch_writer import BatchWriter, Reporting
from sinks.service.consumer import GroupConsumer
from sinks.service.known import Remembered
from sinks.service.loop import Sink, SinkParts
from sinks.service.reading import FactReader, Limits


def execute_sink(settings: Settings, watch: Watch, stop: threading.Event) -> None:
    """Write what the topics carry until asked to stop.

    Raises:
        UsageError: wrong configuration, or a server refuses us.
        LimitReachedError: too many messages are bad.
        CheckFailedError: the brokers have lost messages, or the database is newer than this program.
    """
    with serving(settings, timeout_s=settings.sink.insert_timeout_s) as there:
        if _prepared(there, settings, watch, stop):
            build_sink(settings, there, watch).run(stop)


def build_sink(settings: Settings, there: Database, watch: Watch) -> Sink:
    """A sink into a migrated database; it has not asked anybody yet."""
    broker, options = settings.kafka, settings.sink
    codec = build_codec(settings.registry, broker.topics)
    meter = KindMeter(watch.meter, broker.topics)
    limits, name = Limits(options.dead_letters, watch.pulse), f"sink@{socket.gethostname()}:{os.getpid()}"
    letters = LetterBox(
        AcknowledgedProducer(broker),
        codec,
        topic=broker.topics.name("dead_letters"),
        producer=name,
        now_us=Clocks().now_us,
    )
    writer = BatchWriter(
        there.store,
        letters,
        memory=Remembered(options.remembered_facts),
        limits=limits,
        reporting=Reporting(meter=meter, writer=name, pulse=KindPulse(watch.pulse, broker.topics)),
    )
    parts = SinkParts(
        feed=GroupConsumer(broker, kinds().topics(lambda kind: kind.tables), options),
        reader=FactReader(codec, broker.topics),
        writer=writer,
        limits=limits,
        meter=meter,
        pulse=watch.pulse,
        place=there.address.name,
        revive=there.revive,
    )
    return Sink(parts, options)


def _prepared(there: Database, settings: Settings, watch: Watch, stop: threading.Event) -> bool:
    """Wait for the database and bring its tables up to date; False when asked to stop before."""
    options = settings.sink
    backoff = Backoff(options.first_wait_s, options.longest_wait_s, random.random)
    while not stop.is_set():
        watch.pulse.beat("sink")
        try:
            prepare(there, settings)
        except (DependencyAwayError, LimitReachedError) as error:
            watch.pulse.away("clickhouse", str(error))
            watch.meter.count("retries", dependency="clickhouse")
            backoff.failed(time.monotonic())
            stop.wait(backoff.wait_s(time.monotonic()))
        else:
            watch.pulse.away("clickhouse", None)
            return True
    return False
