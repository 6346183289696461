"""MEASURE while brokers die: one of three, or the only one; it waits, says so, and loses nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.events import MeasureInput
from tests.brokers import KafkaCluster
from tests.services import Services, services, wait_until
from tests.streams import StreamOptions, synthetic
from tests.work_stream import (
    Found,
    Stream,
    embedded,
    in_background,
    measuring,
    some_done,
)

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@pytest.fixture(scope="module")
def events() -> list[MeasureInput]:
    return list(synthetic(StreamOptions(observations=6000, stands=6)))


@pytest.fixture(scope="module")
def wanted(events: list[MeasureInput]) -> Found:
    return embedded(events)


@pytest.fixture
def stream(kafka_cluster: KafkaCluster, topic_prefix: str, tmp_path: Path) -> Stream:
    return Stream(kafka_cluster, topic_prefix, tmp_path)


@pytest.fixture
def running(stream: Stream, tmp_path: Path) -> Iterator[Services]:
    with services(tmp_path, stream.config) as started:
        yield started


def test_the_death_of_one_broker_of_three_costs_nothing(
    kafka_cluster: KafkaCluster,
    stream: Stream,
    running: Services,
    events: list[MeasureInput],
    wanted: Found,
) -> None:
    measuring(running, "one")
    publishing = in_background(stream, events, per_s=400)
    some_done(stream, 0.2, events)
    kafka_cluster.kill(1)
    publishing.join()
    wait_until(stream.is_done, "all is measured with two brokers")
    kafka_cluster.restart(1)
    running.check()
    records = list(stream.records(("visits", "campaign_windows")))
    assert stream.facts() == wanted
    assert len(records) == len(wanted), "the producer is idempotent: nothing came twice"
    assert running.stop() == {"one": 0}


def test_a_worker_waits_for_brokers_that_are_away(
    kafka_cluster: KafkaCluster,
    stream: Stream,
    running: Services,
    events: list[MeasureInput],
    wanted: Found,
) -> None:
    """All three stop in the middle and come back; the worker is not started anew."""
    half = len(events) // 2
    measuring(running, "one")
    stream.publish(events[:half])
    wait_until(stream.is_done, "the first half is measured")
    for broker in range(3):
        kafka_cluster.kill(broker)
    wait_until(lambda: "does not answer" in running.log("one"), "it says so")
    running.check()
    kafka_cluster.start()
    stream.publish(events[half:])
    wait_until(stream.is_done, "all is measured")
    running.check()
    assert stream.facts() == wanted
