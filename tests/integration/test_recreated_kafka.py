"""Topics that are deleted and made anew: no event of the new ones is taken for one of the old."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.events import MeasureInput
from tests.brokers import KafkaCluster
from tests.services import Services, services, wait_until
from tests.streams import StreamOptions, synthetic
from tests.work_stream import READS, Found, Stream, embedded, measuring

pytestmark = [pytest.mark.kafka]


@pytest.fixture
def stream(kafka: KafkaCluster, topic_prefix: str, tmp_path: Path) -> Stream:
    return Stream(kafka, topic_prefix, tmp_path)


@pytest.fixture
def running(stream: Stream, tmp_path: Path) -> Iterator[Services]:
    with services(tmp_path, stream.config) as started:
        yield started


@pytest.fixture(scope="module")
def events() -> list[MeasureInput]:
    return list(synthetic(StreamOptions(observations=6000, stands=6)))


@pytest.fixture(scope="module")
def wanted(events: list[MeasureInput]) -> Found:
    return embedded(events)


def test_measure_goes_on_in_topics_made_anew_while_it_was_stopped(
    stream: Stream, running: Services, events: list[MeasureInput], wanted: Found
) -> None:
    """The second half has the offsets that the first half had."""
    half = len(events) // 2
    measuring(running, "first")
    stream.publish(events[:half])
    wait_until(stream.is_done, "the first half is measured")
    assert running.stop() == {"first": 0}
    running.processes.clear()
    stream.make_anew(READS)
    measuring(running, "second")
    stream.publish(events[half:])
    wait_until(stream.is_done, "the second half is measured")
    assert stream.facts() == wanted
    assert "made anew" in running.log("second")
    assert running.stop() == {"second": 0}


def test_measure_goes_on_in_topics_made_anew_while_it_runs(
    stream: Stream, running: Services, events: list[MeasureInput], wanted: Found
) -> None:
    half = len(events) // 2
    measuring(running, "one")
    stream.publish(events[:half])
    wait_until(stream.is_done, "the first half is measured")
    stream.make_anew(READS)
    stream.publish(events[half:])
    wait_until(stream.is_done, "the second half is measured")
    assert stream.facts() == wanted
    assert "begins anew" in running.log("one")
    assert running.stop() == {"one": 0}, running.log("one")


def test_x_outputs(stream: Stream, running: Services, events: list[MeasureInput], wanted: Found) -> None:
    half = len(events) // 2
    measuring(running, "one")
    stream.publish(events[:half])
    wait_until(stream.is_done, "the first half is measured")
    first = stream.facts()
    stream.make_anew(("visits", "campaign_windows", "dead_letters"))
    stream.publish(events[half:])
    wait_until(stream.is_done, "the second half is measured")
    print(running.log("one"))
    assert stream.facts() | first == wanted
    assert running.stop() == {"one": 0}, running.log("one")


def test_x_checkpoints(stream: Stream, running: Services, events: list[MeasureInput], wanted: Found) -> None:
    from contextlib import closing

    from kafka import KafkaAdminClient

    half = len(events) // 2
    measuring(running, "one")
    stream.publish(events[:half])
    wait_until(stream.is_done, "the first half is measured")
    with closing(KafkaAdminClient(bootstrap_servers=stream.broker.bootstrap)) as admin:
        admin.delete_topics([f"{stream.broker.group('measure')}-states-changelog"])
    stream.publish(events[half:])
    wait_until(stream.is_done, "the second half is measured")
    print(running.log("one"))
    facts = stream.facts()
    print(len(facts), len(wanted), len(facts.keys() & wanted.keys()))
    assert running.stop() == {"one": 0}, running.log("one")
    assert 0


def test_x_missing(stream: Stream, running: Services, events: list[MeasureInput], wanted: Found) -> None:
    import time

    half = len(events) // 2
    measuring(running, "one")
    stream.publish(events[:half])
    wait_until(stream.is_done, "the first half is measured")
    stream.delete(READS)
    time.sleep(15)
    stream.make(READS)
    stream.publish(events[half:])
    try:
        wait_until(stream.is_done, "the second half is measured", timeout_s=20)
    except AssertionError:
        pass
    print(running.processes["one"].poll())
    print(running.log("one"))
    assert running.stop() == {"one": 0}, running.log("one")
    assert stream.facts() == wanted
    assert 0
