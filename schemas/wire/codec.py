"""Events to Avro in Confluent wire format and back; whatever comes in, only an event or a cause comes out."""

import io
import json
import struct
from functools import cache
from typing import Any

import fastavro
import msgspec

from schemas.bounds import LETTER_BYTES
from schemas.errors import UndecodableError
from schemas.kinds import Kind, kinds
from schemas.topics import TopicNames
from schemas.wire.avsc import digest, event_named, record_name, schema_text
from schemas.wire.evolution import BadSchemaError, parsed
from schemas.wire.registry import SchemaRegistry, subject_of
from schemas.wire.resolution import Schema, endless, unreadable

HEADER = struct.Struct(">bI")
"""Magic byte 0 and the schema's id. Source: Confluent wire format."""
DAMAGED = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError, MemoryError)
"""What reading damaged Avro may raise."""


class _Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How the messages of one schema id are read."""

    kind: Kind
    writer: Any
    reader: Any | None
    """Our schema; None when the writer's is the same."""


class AvroCodec:
    """Reads and writes every kind of event in `schemas.kinds`.

    Args:
        registry: gives and knows the ids.
        names: the site's topics: subjects of a registry carry their names.
    """

    def __init__(self, registry: SchemaRegistry, names: TopicNames | None = None) -> None:
        self._registry = registry
        self._names = names or TopicNames()
        self._writings: dict[type[Any], tuple[bytes, Any]] = {}
        self._readings: dict[int, _Reading] = {}

    def encode(self, event: Any) -> bytes:
        """An event in Confluent wire format, as `EventCodec.encode`.

        Raises:
            DependencyAwayError: the registry is away and the id not known yet: wait and ask again.
        """
        header, schema = self._writings.get(type(event)) or self._writing(type(event))
        stream = io.BytesIO()
        stream.write(header)
        plain = msgspec.to_builtins(event, builtin_types=(bytes,))
        fastavro.schemaless_writer(stream, schema, plain, disable_tuple_notation=True)
        return stream.getvalue()

    def decode(self, data: bytes | None) -> Any:
        """The event of a message from anybody, checked; as `EventCodec.decode`."""
        schema_id = _id_of(data)
        reading = self._readings.get(schema_id) or self._reading(schema_id)
        event = _event_of(_plain_of(data or b"", reading), reading.kind.event)
        if reading.kind.check is not None:
            reading.kind.check(event)
        return event

    def _writing(self, event: type[Any]) -> tuple[bytes, Any]:
        text = schema_text(event)
        record = record_name(event)
        ids = [
            self._registry.id_of(subject_of(self._names.name(topic), record), text)
            for topic in kinds().of(event).topics
        ]
        writing = (HEADER.pack(0, ids[0]), plain_schema(text))
        self._writings[event] = writing
        return writing

    def _reading(self, schema_id: int) -> _Reading:
        text = self._registry.schema_of(schema_id)
        try:
            theirs = parsed(text)
        except BadSchemaError as error:
            raise UndecodableError("unknown_schema", f"Schema {schema_id}: {error}") from error
        event = event_named(theirs.root.get("name", "")) if isinstance(theirs.root, dict) else None
        if event is None:
            raise UndecodableError("wrong_type", f"No topic carries what the schema {schema_id} describes.")
        ours = schema_text(event)
        _check_readable(theirs, parsed(ours), schema_id)
        reading = _Reading(
            kind=kinds().of(event),
            writer=plain_schema(text),
            reader=None if digest(ours) == digest(text) else plain_schema(ours),
        )
        self._readings[schema_id] = reading
        return reading


def _check_readable(theirs: Schema, ours: Schema, schema_id: int) -> None:
    reason = endless(theirs) or next(iter(unreadable(theirs, ours)), None)
    if reason is not None:
        raise UndecodableError(
            "wrong_type", f"Messages of the schema {schema_id} cannot be read here: {reason}."
        )


def _id_of(data: bytes | None) -> int:
    if not data:
        raise UndecodableError("empty", "The message has no value.")
    if len(data) > LETTER_BYTES:
        raise UndecodableError("too_large", f"The message has {len(data)} bytes.")
    if data[0] != 0:
        raise UndecodableError("not_framed", f"The first byte is {data[0]:#04x} instead of 0x00.")
    if len(data) < HEADER.size:
        raise UndecodableError("truncated", f"The message ends after {len(data)} bytes.")
    schema_id: int = HEADER.unpack_from(data)[1]
    return schema_id


def _plain_of(data: bytes, reading: _Reading) -> Any:
    name = reading.kind.event.__name__
    if len(data) > reading.kind.max_bytes:
        raise UndecodableError("too_large", f"A {name} of {len(data)} bytes.")
    stream = io.BytesIO(data)
    stream.seek(HEADER.size)
    try:
        plain = fastavro.schemaless_reader(stream, reading.writer, reading.reader)
    except EOFError as error:
        raise UndecodableError("truncated", f"The {name} ends too early.") from error
    except (*DAMAGED, fastavro.read.SchemaResolutionError, struct.error) as error:
        raise UndecodableError("wrong_type", f"The {name} is damaged: {_short(error)}") from error
    if stream.tell() != len(data):
        extra = len(data) - stream.tell()
        raise UndecodableError("wrong_type", f"{extra} bytes follow the {name}.")
    return plain


def _event_of(plain: Any, event: type[Any]) -> Any:
    try:
        return msgspec.convert(plain, event)
    except msgspec.ValidationError as error:
        cause = "wrong_type" if "Invalid UUID" in str(error) else "out_of_range"
        raise UndecodableError(cause, f"{event.__name__}: {_short(error)}") from error


def _short(error: BaseException) -> str:
    return (str(error) or type(error).__name__)[:200]


@cache
def plain_schema(text: str) -> Any:
    """A schema as JSON, for plain values: ids stay text, times stay numbers, equality is bit for bit."""
    return fastavro.parse_schema(_without_logical_types(json.loads(text)))


def _without_logical_types(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_logical_types(part) for part in schema]
    if isinstance(schema, dict):
        return {name: _without_logical_types(part) for name, part in schema.items() if name != "logicalType"}
    return schema
