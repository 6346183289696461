"""MEASURE as a service: the facts of the embedded run, whichever worker is stopped, killed or paused."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaProducer

from schemas.events import MeasureInput
from schemas.message import captured_us_of, is_repeated
from tests.brokers import KafkaCluster
from tests.services import Services, services, wait_until
from tests.streams import StreamOptions, synthetic
from tests.work_stream import (
    FACTS,
    READS,
    SESSION_S,
    Found,
    Stream,
    embedded,
    in_background,
    measuring,
    overwrite_checkpoints,
    some_done,
)

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
    found = embedded(events)
    assert len(found) > 60
    return found


def test_the_facts_are_those_of_the_embedded_run(
    stream: Stream, running: Services, events: list[MeasureInput], wanted: Found
) -> None:
    measuring(running, "one")
    stream.publish(events)
    wait_until(stream.is_done, "all is measured")
    assert stream.facts() == wanted
    assert stream.count("dead_letters") == 0
    (record, *_) = stream.records(["visits"])
    assert captured_us_of(record.headers) is not None
    assert dict(record.headers)["producer"].startswith(b"measure@")
    begun_s = time.monotonic()
    assert running.stop() == {"one": 0}, running.log("one")
    assert time.monotonic() - begun_s < 15


def test_what_came_before_the_worker_is_marked_as_repeated(
    stream: Stream, running: Services, events: list[MeasureInput], wanted: Found
) -> None:
    """It cannot know whether another one had sent it before it died."""
    half = len(events) // 2
    stream.publish(events[:half])
    measuring(running, "one")
    wait_until(stream.is_done, "the first half is measured")
    before = stream.count("visits")
    stream.publish(events[half:])
    wait_until(stream.is_done, "all is measured")
    marks = [is_repeated(record.headers) for record in stream.records(["visits"])]
    assert before > 3
    assert marks.count(True) == before
    assert stream.facts() == wanted


@pytest.mark.slow
def test_a_killed_worker_is_followed_by_another_without_loss(
    stream: Stream, running: Services, events: list[MeasureInput], wanted: Found
) -> None:
    measuring(running, "first")
    publishing = in_background(stream, events, per_s=800)
    some_done(stream, 0.3, events)
    running.processes.pop("first").kill()
    measuring(running, "second")
    publishing.join()
    wait_until(stream.is_done, "all is measured")
    assert stream.facts() == wanted
    assert stream.count("dead_letters") == 0


@pytest.mark.slow
def test_workers_come_and_go_without_loss(
    stream: Stream, running: Services, events: list[MeasureInput], wanted: Found
) -> None:
    """Two share the partitions, one leaves cleanly, a third comes, one is killed."""
    measuring(running, "first")
    measuring(running, "second")
    publishing = in_background(stream, events, per_s=500)
    some_done(stream, 0.2, events)
    leaving = running.processes.pop("first")
    leaving.send_signal(signal.SIGTERM)
    assert leaving.wait(30) == 0, running.log("first")
    measuring(running, "third")
    some_done(stream, 0.5, events)
    running.processes.pop("second").kill()
    publishing.join()
    wait_until(stream.is_done, "all is measured")
    assert stream.facts() == wanted
    assert running.stop() == {"third": 0}


@pytest.mark.slow
def test_a_worker_that_stood_still_writes_nothing_more(
    stream: Stream, running: Services, events: list[MeasureInput], wanted: Found
) -> None:
    measuring(running, "zombie")
    publishing = in_background(stream, events, per_s=800)
    some_done(stream, 0.2, events)
    running.processes["zombie"].send_signal(signal.SIGSTOP)
    stopped_s = time.monotonic()
    zombie = running.processes.pop("zombie")
    measuring(running, "heir")
    publishing.join()
    wait_until(stream.is_done, "the heir has measured all")
    count = sum(stream.count(topic) for topic in FACTS)
    # The broker counts from the last heartbeat, which is older: the heir may be done too soon.
    time.sleep(max(0.0, stopped_s + SESSION_S + 1 - time.monotonic()))
    zombie.send_signal(signal.SIGCONT)
    assert zombie.wait(30) == 3
    assert "stood still" in running.log("zombie")
    assert sum(stream.count(topic) for topic in FACTS) == count
    assert stream.facts() == wanted


def test_hostile_messages_are_set_aside_and_the_stream_goes_on(
    stream: Stream, running: Services, events: list[MeasureInput], wanted: Found
) -> None:
    measuring(running, "one")
    stream.publish(events[:4000])
    producer = KafkaProducer(bootstrap_servers=stream.broker.bootstrap)
    for number in range(100):
        for topic in READS:
            producer.send(
                stream.broker.topics.name(topic), key=b"s", value=b"\x00\x00" + bytes([number]) * number
            )
    producer.send(stream.broker.topics.name("plays"), key=b"s", value=None)
    producer.flush()
    stream.publish(events[4000:])
    wait_until(stream.is_done, "all is measured")
    letters = [stream.codec.decode(record.value) for record in stream.records(["dead_letters"])]
    assert len({letter.letter_id for letter in letters}) == 201
    assert {letter.service for letter in letters} == {"measure"}
    assert stream.facts() == wanted


def test_a_missing_topic_is_said_and_nothing_is_started(
    kafka: KafkaCluster, topic_prefix: str, tmp_path: Path
) -> None:
    config = tmp_path / "work.yaml"
    config.write_text(
        f'kafka: {{bootstrap: "{kafka.bootstrap}", prefix: {topic_prefix}}}\n', encoding="utf-8"
    )
    with services(tmp_path, config) as running:
        measuring(running, "one")
        assert running.finished("one", 60) == 3
        assert "onlooker topics create" in running.log("one")


def test_a_checkpoint_of_another_version_is_refused(
    stream: Stream, running: Services, events: list[MeasureInput]
) -> None:
    measuring(running, "old")
    stream.publish(events[:500])
    wait_until(stream.is_done, "the beginning is measured")
    running.stop()
    running.processes.clear()
    overwrite_checkpoints(stream)
    stream.publish(events[500:600])
    committed = stream.waiting()
    measuring(running, "new")
    assert running.finished("new", 60) == 2
    assert "version 99" in running.log("new")
    assert stream.waiting() == committed
