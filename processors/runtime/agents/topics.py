"""What must be there before an agent starts: brokers that answer, its topics, a topic for its checkpoints."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from processors.runtime.agents.connection import client_settings
from processors.runtime.agents.incarnations import MissingTopicError, incarnations_of
from schemas.broker import BrokerOptions
from schemas.errors import UsageError
from schemas.trouble import in_words

ASK_MS = 10_000


class TopicShape(msgspec.Struct, frozen=True, kw_only=True):
    """Partitions of a topic, and how many copies each has."""

    partitions: int
    replication: int


async def prepare_topics(
    broker: BrokerOptions, names: Sequence[str], *, checkpoints: str, checkpoint_bytes: int
) -> Mapping[str, str]:
    """Check that an agent's topics are there, and make the one for its checkpoints.

    Args:
        broker: where the brokers are.
        names: topics that the agent reads and writes.
        checkpoints: name of the topic for its checkpoints.
        checkpoint_bytes: the largest one.

    Returns:
        What the brokers call each topic for as long as it lives, by name.

    Raises:
        BrokerAwayError: no broker answers: worth waiting for.
        MissingTopicError: a topic is missing.
        UsageError: topics differ in their number of partitions, or the brokers refuse us.
    """
    with in_words(broker, KafkaError, OSError, TimeoutError):
        admin = AIOKafkaAdminClient(**client_settings(broker), request_timeout_ms=ASK_MS)
        try:
            await admin.start()
            found = await _shapes(admin, [*names, checkpoints])
            shape = _agreed({name: found[name] for name in names if name in found}, names)
            if checkpoints not in found:
                await _create(admin, checkpoints, shape, checkpoint_bytes)
            elif found[checkpoints].partitions != shape.partitions:
                raise UsageError(
                    f"{checkpoints} has {found[checkpoints].partitions} partitions, the other topics have "
                    f"{shape.partitions}. Remove it while no worker runs; the states are then made anew."
                )
            return await _incarnations(admin, [*names, checkpoints])
        finally:
            await admin.close()


async def _incarnations(admin: AIOKafkaAdminClient, names: Sequence[str]) -> Mapping[str, str]:
    """Ask until the brokers know all of them: one made just now is not known to every broker at once."""
    until_s = asyncio.get_running_loop().time() + ASK_MS / 1000
    while len(found := await incarnations_of(admin._client, names)) < len(set(names)):
        if asyncio.get_running_loop().time() > until_s:
            missing = ", ".join(sorted(set(names) - set(found)))
            raise MissingTopicError(f"The brokers do not say what they call {missing}.")
        await asyncio.sleep(0.1)
    return found


async def _shapes(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, TopicShape]:
    """The topics that exist. Asked for all: asking for one by name could make it."""
    described: list[Any] = await admin.describe_topics()
    return {
        topic["topic"]: TopicShape(
            partitions=len(topic["partitions"]), replication=len(topic["partitions"][0]["replicas"])
        )
        for topic in described
        if topic["topic"] in names and topic["error_code"] == 0 and topic["partitions"]
    }


def _agreed(found: Mapping[str, TopicShape], names: Sequence[str]) -> TopicShape:
    missing = [name for name in names if name not in found]
    if missing:
        raise MissingTopicError(
            f"These topics are missing: {', '.join(missing)}. `onlooker topics create` makes them."
        )
    counts = {shape.partitions for shape in found.values()}
    if len(counts) > 1:
        words = ", ".join(f"{name} has {shape.partitions}" for name, shape in found.items())
        raise UsageError(
            f"All topics must have the same number of partitions, but {words}. "
            "`onlooker topics check` says more."
        )
    return found[names[0]]


async def _create(admin: AIOKafkaAdminClient, name: str, shape: TopicShape, most_bytes: int) -> None:
    topic = NewTopic(
        name=name,
        num_partitions=shape.partitions,
        replication_factor=shape.replication,
        topic_configs={
            "cleanup.policy": "compact",
            # Small segments that are compacted soon: a restart reads what is left.
            "segment.bytes": "16777216",
            "segment.ms": "60000",
            "min.cleanable.dirty.ratio": "0.1",
            "max.compaction.lag.ms": "120000",
            "max.message.bytes": str(most_bytes),
            "min.insync.replicas": str(max(1, min(2, shape.replication - 1))),
        },
    )
    response = await admin.create_topics([topic])
    for error in response.topic_errors:
        kind = for_code(error[1])
        if error[1] and kind is not TopicAlreadyExistsError:
            raise kind(f"{name} cannot be made: {error[-1]}")
