"""The records of a recording: an event with its place on the topic, as Avro that any tool reads."""

import io
import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import fastavro
import msgspec

from schemas.belief import consistent, event_time_us
from schemas.bounds import LETTER_BYTES
from schemas.errors import CheckFailedError, UndecodableError
from schemas.kinds import kinds
from schemas.message import About
from schemas.reading import stand_of
from schemas.topics import Topic
from schemas.wire.avsc import digest, event_named, record_name, schema_text
from schemas.wire.codec import DAMAGED, plain_schema
from schemas.wire.evolution import REFUSED, parsed
from schemas.wire.resolution import endless

FORMAT_VERSION = 1
"""Raised when a reader of the version before would misread a recording."""
FORMAT_KEY = "onlooker.recording.format"
"""The same in the header of every file, as text."""
NAMESPACE = "onlooker.recording.v1"
UNREADABLE = f"{NAMESPACE}.Unreadable"
UNREAD = (EOFError, struct.error, fastavro.read.SchemaResolutionError, msgspec.ValidationError)
"""What else reading a record may raise."""
_WINDOW_BYTES = LETTER_BYTES + 1024 * 1024
"""A record sees no more of its block: the largest fits, and what a stranger says of its size is bounded."""
_STEP_BYTES = 512 * 1024
_INSTANT = {"type": "long", "logicalType": "timestamp-micros"}


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was no event: kept with its bytes, save a picture, so that a recording has no holes."""

    cause: str
    key: bytes | None = None
    value: bytes | None = None

    def __repr__(self) -> str:
        return f"Unreadable({self.cause})"


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a topic as a recording keeps it."""

    topic: Topic
    partition: int
    offset: int
    arrived_us: int
    """The broker's time of the message, us UTC; of a run in one process its wall clock."""
    event: Any
    """Of a kind in `schemas.kinds`, or `Unreadable`."""
    about: About | None = None
    """What its producer said about it."""

    @property
    def stand_id(self) -> str | None:
        """The stand it is of; None of what has none."""
        return stand_of(self.event)

    @property
    def t_us(self) -> int | None:
        """Event time, us UTC; None of what has none."""
        return None if isinstance(self.event, Unreadable) else event_time_us(self.event)


def recorded_schema(topic: Topic) -> dict[str, Any]:
    """The Avro schema of a topic's files: their field `event` is a union of what the topic carries."""
    events = [json.loads(schema_text(kind.event)) for kind in kinds().on(topic)]
    optional: Mapping[str, Any] = {"default": None}
    unreadable = {
        "type": "record",
        "name": "Unreadable",
        "doc": "A message that was no event.",
        "fields": [
            {"name": "cause", "type": "string", "doc": "why, in one of the words that counters use"},
            {"name": "key", "type": ["null", "bytes"], **optional},
            {"name": "value", "type": ["null", "bytes"], **optional},
        ],
    }
    return {
        "type": "record",
        "name": "Recorded",
        "namespace": NAMESPACE,
        "doc": f"One message of the topic {topic}.",
        "fields": [
            {"name": "partition", "type": "int"},
            {"name": "offset", "type": "long", "doc": "its place in the partition"},
            {"name": "arrived_us", "type": _INSTANT, "doc": "the broker's time of the message"},
            {"name": "producer", "type": ["null", "string"], "doc": "who sent it", **optional},
            {"name": "produced_us", "type": ["null", _INSTANT], "doc": "when it was sent", **optional},
            {"name": "captured_us", "type": ["null", _INSTANT], "doc": "capture of its frame", **optional},
            {"name": "repeated", "type": "boolean", "doc": "it may have been sent before", "default": False},
            {"name": "event", "type": [*events, unreadable], "doc": "what the message says"},
        ],
    }


class RecordCodec:
    """Records of one topic to Avro and back.

    Args:
        topic: its kind.
        written: the schema of the file that is read, as JSON; None: the present one.

    Raises:
        CheckFailedError: the schema is none that this program can read.
    """

    def __init__(self, topic: Topic, written: str | None = None) -> None:
        self.topic = topic
        ours = json.dumps(recorded_schema(topic))
        self._ours = plain_schema(ours)
        theirs = ours if written is None else written
        try:
            self._theirs = self._ours if digest(theirs) == digest(ours) else _finite(theirs)
        except (*DAMAGED, *REFUSED) as error:
            raise CheckFailedError(f"its schema is damaged: {str(error)[:200]}") from error
        self._reader = None if self._theirs is self._ours else self._ours

    def encode(self, record: Recorded) -> bytes:
        """A record of this topic as bytes in the body of an Avro block."""
        event = record.event
        name = UNREADABLE if isinstance(event, Unreadable) else record_name(type(event))
        about = record.about
        plain = {
            "partition": record.partition,
            "offset": record.offset,
            "arrived_us": record.arrived_us,
            "producer": None if about is None else about.producer,
            "produced_us": None if about is None else about.produced_us,
            "captured_us": None if about is None else about.captured_us,
            "repeated": about is not None and about.repeated,
            "event": {"-type": name, **msgspec.to_builtins(event, builtin_types=(bytes,))},
        }
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, self._ours, plain, disable_tuple_notation=True)
        return stream.getvalue()

    def decode(self, body: bytes, count: int) -> Iterator[Recorded]:
        """The records of a block that is unpacked, each checked.

        Raises:
            CheckFailedError: it is damaged.
        """
        base, whole = 0, memoryview(body)
        stream = io.BytesIO(whole[:_WINDOW_BYTES])
        for _ in range(count):
            yield self._one(stream)
            if stream.tell() > _STEP_BYTES:
                base += stream.tell()
                stream = io.BytesIO(whole[base : base + _WINDOW_BYTES])
        if base + stream.tell() != len(body):
            raise CheckFailedError("bytes follow the last record")

    def _one(self, stream: io.BytesIO) -> Recorded:
        try:
            plain: Any = fastavro.schemaless_reader(
                stream,
                self._theirs,
                self._reader,
                return_record_name=True,
                return_record_name_override=True,
            )
            name, event = plain["event"]
            return Recorded(
                topic=self.topic,
                partition=plain["partition"],
                offset=plain["offset"],
                arrived_us=plain["arrived_us"],
                event=_event(name, event),
                about=_about(plain),
            )
        except (*DAMAGED, *UNREAD) as error:
            raise CheckFailedError(f"a record is damaged: {str(error)[:200]}") from error
        except UndecodableError as error:
            raise CheckFailedError(f"a record cannot be believed: {error}") from error


def file_header(topic: Topic, sync: bytes, codec: str, program: str) -> bytes:
    """What a file of a recording begins with: the header of an Avro object container file.

    Args:
        topic: its kind.
        sync: 16 random bytes that end each block.
        codec: `null` or `deflate`.
        program: version of the program that writes.
    """
    stream = io.BytesIO()
    metadata = {FORMAT_KEY: str(FORMAT_VERSION), "onlooker.topic": topic, "onlooker.program": program}
    fastavro.writer(stream, recorded_schema(topic), (), codec=codec, metadata=metadata, sync_marker=sync)
    return stream.getvalue()


def _event(name: str, plain: Any) -> Any:
    if name == UNREADABLE:
        return msgspec.convert(plain, Unreadable)
    kind = event_named(name)
    if kind is None:
        raise KeyError(name)
    event = msgspec.convert(plain, kind)
    consistent(event)
    return event


def _about(plain: dict[str, Any]) -> About | None:
    if plain["producer"] is None:
        return None
    return About(
        producer=plain["producer"],
        produced_us=plain["produced_us"] or 0,
        captured_us=plain["captured_us"],
        repeated=plain["repeated"],
    )


def _finite(text: str) -> Any:
    """A schema from anybody: a few bytes of it must not fill the memory or take for ever."""
    if words := endless(parsed(text)):
        raise ValueError(words)
    return plain_schema(text)
