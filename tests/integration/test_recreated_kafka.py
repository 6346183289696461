"""Topics that are deleted and made anew: no event of the new ones is taken for one of the old."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.structs import OffsetAndMetadata

from schemas.events import MeasureInput
from schemas.topics import TOPICS
from tests.brokers import KafkaCluster
from tests.services import Services, services, wait_until
from tests.streams import StreamOptions, synthetic
from tests.work_stream import PARTITIONS, READS, Found, Stream, embedded, measuring

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
    """They have grown past where it was before it can have looked."""
    few = len(events) // 10
    measuring(running, "one")
    stream.publish(events[:few])
    wait_until(stream.is_done, "the beginning is measured")
    stream.make_anew(READS)
    stream.publish(events[few:])
    wait_until(stream.is_done, "the rest is measured")
    assert stream.facts() == wanted
    assert "begins anew" in running.log("one")
    assert running.stop() == {"one": 0}, running.log("one")


def test_topics_that_are_missing_for_a_while_are_waited_for(
    stream: Stream, running: Services, events: list[MeasureInput], wanted: Found
) -> None:
    half = len(events) // 2
    measuring(running, "one")
    stream.publish(events[:half])
    wait_until(stream.is_done, "the first half is measured")
    before = stream.facts()
    stream.delete(TOPICS)
    wait_until(lambda: "`onlooker topics create` makes them" in running.log("one"), "it is said")
    stream.make(TOPICS)
    stream.publish(events[half:])
    wait_until(stream.is_done, "the second half is measured")
    assert before | stream.facts() == wanted
    assert running.stop() == {"one": 0}, running.log("one")


def test_a_worker_whose_checkpoints_are_deleted_says_so_and_makes_others(
    stream: Stream, running: Services, events: list[MeasureInput]
) -> None:
    """Their topic is made as it was: compacted, with as many partitions as the others."""
    name = f"{stream.broker.group('measure')}-states-changelog"
    half = len(events) // 2
    measuring(running, "one")
    stream.publish(events[:half])
    wait_until(stream.is_done, "the first half is measured")
    with closing(KafkaAdminClient(bootstrap_servers=stream.broker.bootstrap)) as admin:
        admin.delete_topics([name])
        wait_until(lambda: "begins anew with no states of stands" in running.log("one"), "it is said")
        stream.publish(events[half:])
        wait_until(stream.is_done, "the second half is measured")
        asked = ConfigResource(ConfigResourceType.TOPIC, name)
        found = admin.describe_configs([asked], config_filter="all")["topic"][name]
        (described,) = admin.describe_topics([name])
    assert found["cleanup.policy"]["value"] == "compact"
    assert len(described["partitions"]) == PARTITIONS
    assert running.stop() == {"one": 0}, running.log("one")


def test_an_offset_of_the_group_past_the_end_is_not_waited_for(
    stream: Stream, running: Services, events: list[MeasureInput]
) -> None:
    """As an earlier program left it that was killed around the deletion: without a name of the topic."""
    stream.publish(events[:2000])
    with closing(
        KafkaConsumer(
            bootstrap_servers=stream.broker.bootstrap,
            group_id=stream.broker.group("measure"),
            enable_auto_commit=False,
        )
    ) as member:
        name = stream.broker.topics.name("observations")
        member.assign([TopicPartition(name, number) for number in range(PARTITIONS)])
        member.commit({tp: OffsetAndMetadata(1_000_000, "", -1) for tp in member.assignment()})
    measuring(running, "one")
    wait_until(lambda: "had come to offset 1000000" in running.log("one"), "it is said")
    wait_until(stream.is_done, "all is measured")
    assert stream.facts() == embedded(events[:2000])
    assert running.stop() == {"one": 0}


def test_letters_from_the_same_places_of_a_topic_made_anew_are_others(
    stream: Stream, running: Services
) -> None:
    measuring(running, "one")
    for _ in range(2):
        with closing(KafkaProducer(bootstrap_servers=stream.broker.bootstrap)) as producer:
            for number in range(20):
                producer.send(stream.broker.topics.name("plays"), key=b"s", value=b"noise %d" % number)
        wait_until(stream.is_done, "all is set aside")
        stream.make_anew(["plays"])
    letters = [stream.codec.decode(record.value) for record in stream.records(["dead_letters"])]
    assert len({letter.letter_id for letter in letters}) == 40
    assert len({(letter.partition, letter.offset) for letter in letters}) == 20
