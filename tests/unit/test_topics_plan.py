"""The plan of topics: what is missing, what differs, and that nothing is ever shrunk."""

from collections.abc import Mapping

import msgspec
import pytest

from producers.brokers.plan import TopicOptions, TopicState, plan_topics, wanted_topics
from schemas.topics import TOPICS, TopicNames

NAMES = TopicNames(prefix="mall")
OPTIONS = TopicOptions(partitions=6)


def wanted(
    options: TopicOptions = OPTIONS, *, brokers: int = 1, found: Mapping[str, TopicState] | None = None
) -> dict[str, TopicState]:
    topics = wanted_topics(options, NAMES, brokers=brokers, found=found or {})
    return {topic.name: topic for topic in topics}


def test_every_kind_of_topic_has_the_same_number_of_partitions() -> None:
    topics = wanted()
    assert list(topics) == [NAMES.name(topic) for topic in TOPICS]
    assert {topic.partitions for topic in topics.values()} == {6}


@pytest.mark.parametrize(
    ("brokers", "copies", "in_sync"), [(1, 1, "1"), (2, 2, "1"), (3, 3, "2"), (9, 3, "2")]
)
def test_replication_follows_the_brokers(brokers: int, copies: int, in_sync: str) -> None:
    for topic in wanted(brokers=brokers).values():
        assert (topic.replication, topic.configs["min.insync.replicas"]) == (copies, in_sync)


def test_copies_are_not_too_many_while_a_broker_is_away() -> None:
    there = wanted(brokers=3)
    assert plan_topics(list(wanted(brokers=2, found=there).values()), there).differences == ()
    fewer = wanted(TopicOptions(partitions=6, replication=2), brokers=3, found=there)
    whats = {difference.what for difference in plan_topics(list(fewer.values()), there).differences}
    assert whats == {"replication", "min.insync.replicas"}, "asked for by name, it is told"


def test_one_copy_is_too_few_once_there_are_three_brokers() -> None:
    there = wanted(brokers=1)
    plan = plan_topics(list(wanted(brokers=3, found=there).values()), there)
    assert "replication" in {difference.what for difference in plan.differences}


def test_pictures_are_kept_for_minutes_and_dead_letters_longest() -> None:
    kept_ms = {name: int(topic.configs["retention.ms"]) for name, topic in wanted().items()}
    assert kept_ms["mall.frames.v1"] == 30 * 60_000
    assert kept_ms["mall.visits.v1"] == 7 * 86_400_000
    assert kept_ms["mall.dead_letters.v1"] == 30 * 86_400_000


def test_a_segment_is_closed_long_before_its_retention_is_over() -> None:
    for topic in wanted().values():
        assert int(topic.configs["segment.ms"]) <= int(topic.configs["retention.ms"]) // 4


def test_a_dead_letter_has_room_for_the_largest_frame() -> None:
    sizes = {name: int(topic.configs["max.message.bytes"]) for name, topic in wanted().items()}
    assert sizes["mall.dead_letters.v1"] > sizes["mall.frames.v1"] > 4 * 1024 * 1024 > sizes["mall.plays.v1"]


def test_nothing_is_compacted_because_the_key_is_the_stand() -> None:
    assert {topic.configs["cleanup.policy"] for topic in wanted().values()} == {"delete"}


def test_what_is_as_it_should_be_needs_nothing() -> None:
    topics = wanted()
    plan = plan_topics(list(topics.values()), topics)
    assert (plan.create, plan.alter, plan.differences) == ((), {}, ())


def test_what_is_missing_is_made() -> None:
    topics = wanted()
    found = {name: topic for name, topic in topics.items() if "plays" not in name}
    plan = plan_topics(list(topics.values()), found)
    assert [topic.name for topic in plan.create] == ["mall.plays.v1"]
    assert [difference.what for difference in plan.differences] == ["missing"]


def test_a_missing_topic_gets_the_partitions_of_the_others() -> None:
    small = wanted(TopicOptions(partitions=3))
    found = {name: topic for name, topic in small.items() if "plays" not in name}
    plan = plan_topics(list(wanted().values()), found)
    assert [topic.partitions for topic in plan.create] == [3]
    assert {difference.what for difference in plan.differences} == {"missing", "partitions"}
    assert plan.alter == {}, "the number of partitions is never changed"


def test_a_differing_configuration_is_named_and_altered() -> None:
    topics = wanted()
    name = "mall.visits.v1"
    odd = msgspec.structs.replace(topics[name], configs={**topics[name].configs, "retention.ms": "5"})
    plan = plan_topics(list(topics.values()), {**topics, name: odd})
    assert plan.alter == {name: {"retention.ms": topics[name].configs["retention.ms"]}}
    (difference,) = plan.differences
    assert "mall.visits.v1 has retention.ms=5 instead of 604800000" in difference.words


def test_differing_partitions_and_copies_are_told_with_their_mend() -> None:
    topics = wanted()
    name = "mall.frames.v1"
    odd = msgspec.structs.replace(topics[name], partitions=4, replication=2)
    plan = plan_topics(list(topics.values()), {**topics, name: odd})
    assert plan.create == ()
    assert [difference.what for difference in plan.differences] == ["partitions", "replication"]
    assert "topics.partitions" in plan.differences[0].words
    assert "kafka-reassign-partitions.sh" in plan.differences[1].words
