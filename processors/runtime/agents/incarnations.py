"""Which topic of a name it is: the id that the brokers give a topic for as long as it lives."""

import uuid
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from schemas.errors import DependencyAwayError, UsageError

NO_ID = uuid.UUID(int=0)


class MissingTopicError(DependencyAwayError):
    """A topic is not there."""


class RecreatedError(DependencyAwayError):
    """A topic was deleted while it was worked on: what is known of its offsets is void."""


class _Uuid:
    """A topic's id as it travels: 16 bytes."""

    @classmethod
    def encode(cls, value: uuid.UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> uuid.UUID:
        return uuid.UUID(bytes=data.read(16))

    @classmethod
    def repr(cls, value: uuid.UUID) -> str:
        return str(value)


class _Answer(Response):  # type: ignore[misc]
    """Kafka's Metadata of version 10, the first with topics' ids; aiokafka knows those up to 5.

    Source: https://kafka.apache.org/protocol#The_Messages_Metadata
    """

    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString()),
                ("port", Int32),
                ("rack", CompactString()),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString()),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", CompactString()),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _Question(RequestStruct):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 10
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("topic", CompactString()), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _WhichTopics(Request[_Question]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(names)

    def build(self, request_struct_class: type[_Question]) -> _Question:
        wanted: list[Any] = [(NO_ID, name, {}) for name in self._names]
        return request_struct_class(wanted, False, False, False, {})


async def incarnations_of(client: AIOKafkaClient, names: Iterable[str]) -> Mapping[str, str]:
    """The ids of topics by name; those that are not there are left out, and none is made.

    Args:
        client: connected.
        names: as the brokers know them.

    Raises:
        KafkaError: no broker answers.
        UsageError: the brokers know no ids.
    """
    try:
        answer: Any = await client.send(client.get_random_node(), _WhichTopics(names))
    except NotImplementedError as error:
        raise UsageError("These brokers give topics no ids: Kafka 2.8 or later is needed.") from error
    found = {topic["topic"]: topic["topic_id"] for topic in answer.to_object()["topics"]}
    return {name: str(topic_id) for name, topic_id in found.items() if topic_id != NO_ID}
