"""What the topics of a site should be, and what it takes to get there: pure, nothing is asked or changed."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec

from schemas.bounds import FRAME_BYTES, LETTER_BYTES
from schemas.ranges import Positive
from schemas.topics import TOPICS, Topic, TopicNames

SMALL_BYTES = 1024 * 1024
"""All other events: Kafka's own default."""

_MS_PER_MINUTE = 60_000
_MS_PER_DAY = 86_400_000
_MANY_DAYS_MS = 7 * _MS_PER_DAY


class TopicOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the topics are made; all have the same number of partitions, so that a stand's events meet."""

    partitions: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 12
    """More than the workers that will ever share a role: the number cannot be changed later."""
    replication: Annotated[int, msgspec.Meta(ge=1, le=2**15 - 1)] | None = None
    """Copies of each partition; None: three, or as many as there are brokers."""
    frames_retention_minutes: Positive = 30
    """Pictures are kept no longer than a worker may be away."""
    retention_days: Positive = 7
    dead_letters_retention_days: Positive = 30


class TopicState(msgspec.Struct, frozen=True, kw_only=True):
    """A topic as it is, or as it should be."""

    name: str
    partitions: int
    replication: int
    configs: Mapping[str, str]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which a topic is not as it should be."""

    topic: str
    what: str
    """`missing`, `partitions`, `replication` or the name of a configuration."""
    found: str | None
    wanted: str

    @property
    def words(self) -> str:
        """A sentence with the mend."""
        if self.what == "missing":
            return f"{self.topic} is missing. `onlooker topics create` makes it."
        if self.what == "partitions":
            return (
                f"{self.topic} has {self.found} partitions instead of {self.wanted}. They are never changed "
                f"here, because stands would move between them: set `topics.partitions` to {self.found}, "
                "or begin with a new `kafka.prefix`."
            )
        if self.what == "replication":
            return (
                f"{self.topic} is kept {self.found} times instead of {self.wanted}. "
                "Kafka's kafka-reassign-partitions.sh changes that."
            )
        return (
            f"{self.topic} has {self.what}={self.found} instead of {self.wanted}. "
            "`onlooker topics create --alter` sets it."
        )


class TopicPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done; nothing is ever shrunk or deleted."""

    create: tuple[TopicState, ...]
    alter: Mapping[str, Mapping[str, str]]
    """Configurations to be set, by topic."""
    differences: tuple[Difference, ...]


def wanted_topics(
    options: TopicOptions, names: TopicNames, *, brokers: int, found: Mapping[str, TopicState] | None = None
) -> tuple[TopicState, ...]:
    """The topics as they should be.

    Args:
        options: partitions, replication, retention.
        names: of this site.
        brokers: how many brokers there are, from 1.
        found: topics that exist, by name: copies that nobody asked to be fewer are not too many, also when a
            broker is away just now.

    Returns:
        One for each kind, in the order of `schemas.topics.TOPICS`. Nothing is compacted: the key is the
        stand, and compaction would keep only a stand's last event. (Only the workers' own changelogs of state
        are compacted; those they make themselves.)
    """
    return tuple(_wanted(topic, names.name(topic), options, brokers, found or {}) for topic in TOPICS)


def _wanted(
    topic: Topic, name: str, options: TopicOptions, brokers: int, found: Mapping[str, TopicState]
) -> TopicState:
    copies = found[name].replication if name in found else 0
    replication = options.replication or max(min(3, brokers), copies)
    configs = _configs(topic, options, replication)
    return TopicState(name=name, partitions=options.partitions, replication=replication, configs=configs)


def plan_topics(wanted: Sequence[TopicState], found: Mapping[str, TopicState]) -> TopicPlan:
    """What it takes to get from the topics as they are to those wanted.

    Returns:
        The plan. Missing topics get the number of partitions that the others already have, if these agree:
        a stand must be in the partition of the same number everywhere.
    """
    there = {found[topic.name].partitions for topic in wanted if topic.name in found}
    partitions = there.pop() if len(there) == 1 else None
    missing = [topic for topic in wanted if topic.name not in found]
    differences = [each for topic in wanted for each in _differences(topic, found.get(topic.name))]
    return TopicPlan(
        create=tuple(
            topic if partitions is None else msgspec.structs.replace(topic, partitions=partitions)
            for topic in missing
        ),
        alter=_alterations(differences),
        differences=tuple(differences),
    )


def _configs(topic: Topic, options: TopicOptions, replication: int) -> dict[str, str]:
    retention_ms = _retention_ms(topic, options)
    message_bytes = {"frames": FRAME_BYTES, "dead_letters": LETTER_BYTES}.get(topic, SMALL_BYTES)
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(retention_ms),
        # A segment is deleted whole, after it is closed: at least every fourth part of the retention.
        "segment.ms": str(max(1, min(_MANY_DAYS_MS, retention_ms // 4))),
        "max.message.bytes": str(message_bytes),
        "min.insync.replicas": str(max(1, min(2, replication - 1))),
    }


def _retention_ms(topic: Topic, options: TopicOptions) -> int:
    if topic == "frames":
        return round(options.frames_retention_minutes * _MS_PER_MINUTE)
    if topic == "dead_letters":
        return round(options.dead_letters_retention_days * _MS_PER_DAY)
    return round(options.retention_days * _MS_PER_DAY)


def _differences(wanted: TopicState, found: TopicState | None) -> list[Difference]:
    if found is None:
        partitions = f"{wanted.partitions} partitions"
        return [Difference(topic=wanted.name, what="missing", found=None, wanted=partitions)]
    pairs = [
        ("partitions", str(found.partitions), str(wanted.partitions)),
        ("replication", str(found.replication), str(wanted.replication)),
        *((name, found.configs.get(name), value) for name, value in wanted.configs.items()),
    ]
    return [
        Difference(topic=wanted.name, what=what, found=is_, wanted=should)
        for what, is_, should in pairs
        if is_ != should
    ]


def _alterations(differences: Sequence[Difference]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for difference in differences:
        if "." in difference.what:
            found.setdefault(difference.topic, {})[difference.what] = difference.wanted
    return found
