"""A stage that the system does not have works as a service: with an entry and a builder, and nothing else."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from kafka import KafkaProducer

from onlooker.settings.configuration import load_settings
from onlooker.telemetry import Watch
from onlooker.wiring import work as wiring
from onlooker.wiring.work import WorkRequest, build_plan
from processors.runtime.agents import work
from processors.runtime.local import Delivery, LocalRuntime
from processors.topology import TOPOLOGY
from schemas.events import Play, VisitEnded, WindowClosed
from schemas.metrics import NoMeter, NoPulse
from schemas.reading import stand_of
from schemas.units import US_PER_S
from tests.brokers import KafkaCluster
from tests.facts import T0_US, play, visit_ended
from tests.services import lag, wait_until
from tests.third_stage import TALLY, Tally, tallying
from tests.work_stream import Stream

pytestmark = [pytest.mark.kafka]
STANDS = ("left", "middle", "right")


def events() -> list[Play | VisitEnded]:
    """Visits of three stands, with plays between them."""
    found: list[Play | VisitEnded] = []
    for number in range(60):
        stand, at_us = STANDS[number % 3], T0_US + number * US_PER_S
        if number % 4 == 0:
            found.append(play(f"p{number}", stand_id=stand, start_us=at_us, end_us=at_us + 1))
        found.append(visit_ended(f"v{number}", stand_id=stand, started_us=at_us + 1))
    return found


def embedded(stream: Sequence[Play | VisitEnded]) -> set[WindowClosed]:
    found: set[WindowClosed] = set()

    def take(delivery: Delivery) -> None:
        if isinstance(delivery.event, WindowClosed):
            found.add(delivery.event)

    runtime = LocalRuntime({TALLY.name: Tally()}, take, (*TOPOLOGY, TALLY))
    for event in stream:
        runtime.publish("plays" if isinstance(event, Play) else "visits", stand_of(event) or "", event)
    return found


def publish(stream: Stream, some: Sequence[Play | VisitEnded]) -> None:
    """In their order: each play is acknowledged before the visit after it is sent."""
    producer = KafkaProducer(bootstrap_servers=stream.broker.bootstrap, acks="all")
    for event in some:
        topic = stream.broker.topics.name("plays" if isinstance(event, Play) else "visits")
        sent = producer.send(topic, key=(stand_of(event) or "").encode(), value=stream.codec.encode(event))
        if isinstance(event, Play):
            sent.get(30)
    producer.flush()
    producer.close()


@contextmanager
def tally_worker(stream: Stream) -> Iterator[None]:
    """The role as a service, in a thread; what ends it early ends the test."""
    watch = Watch(meter=NoMeter(), pulse=NoPulse(), port=None)
    plan = build_plan(load_settings(stream.config), WorkRequest(stage=TALLY.name), watch)
    stop = threading.Event()
    failures: list[str] = []

    def serve() -> None:
        try:
            work(plan, stop, give_up=failures.append)
        except BaseException as error:
            failures.append(str(error))
            raise

    thread = threading.Thread(target=serve, name="tally", daemon=True)
    thread.start()
    try:
        yield
        assert thread.is_alive()
    finally:
        stop.set()
        thread.join(30)
    assert not failures


def test_an_entry_and_a_builder_make_a_service(
    kafka: KafkaCluster, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for plays, keeps checkpoints and goes on at them: its facts are those of the embedded run."""
    monkeypatch.setattr("processors.topology.TOPOLOGY", (*TOPOLOGY, TALLY))
    desks = cast(dict[str, Any], wiring.DESKS)
    monkeypatch.setitem(desks, TALLY.name, lambda _, __, tools: lambda load: tallying(tools, load))
    stream, all_events = Stream(kafka, topic_prefix, tmp_path), events()
    half = len(all_events) // 2
    for some in (all_events[:half], all_events[half:]):
        with tally_worker(stream):
            publish(stream, some)
            wait_until(lambda: stream.count("campaign_windows") > 0, "something is tallied")
            wait_until(lambda: lag(stream.broker, TALLY.name, TALLY.reads) == 0, "all is tallied")
    found = {stream.codec.decode(record.value) for record in stream.records(["campaign_windows"])}
    assert found == embedded(all_events)
    assert len(found) == 60
    assert stream.count("dead_letters") == 0
