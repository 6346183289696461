"""The schemas others rely on: equal to the Structs, frozen once released, and so are the bytes."""

import datetime
import hashlib
import io
import json
import re
import types
import typing
from typing import Any
from uuid import UUID

import fastavro
import msgspec
import pytest

from schemas.errors import UndecodableError
from schemas.events import StreamEnded
from schemas.kinds import TOPICS, kinds
from schemas.message import CAPTURED, PRODUCED, PRODUCER, REPEATED
from schemas.wire.avsc import (
    EVENTS,
    FOLDER,
    NAMESPACE,
    digest,
    event_named,
    file_name,
    record_name,
    schema_text,
)
from schemas.wire.codec import AvroCodec
from schemas.wire.evolution import breaking_changes, parsed
from schemas.wire.registry import FileRegistry
from tests.event_samples import LETTER, PLAY, VISIT_ENDED, samples
from tests.release import LOCK, shown
from tests.topic_docs import PAGE, page_with_events

REGISTRY = FileRegistry()
CODEC = AvroCodec(REGISTRY)
TIMES = ("t_us", "start_us", "end_us", "started_us", "ended_us", "play_start_us", "play_end_us", "failed_us")


def structs() -> dict[str, type[msgspec.Struct]]:
    """Every Struct that travels, by name: the events and what they are made of."""
    found: dict[str, type[msgspec.Struct]] = {}
    waiting: list[Any] = list(EVENTS)
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            if kind.__name__ not in found:
                found[kind.__name__] = kind
                waiting += typing.get_type_hints(kind, include_extras=False).values()
        else:
            waiting += typing.get_args(kind)
    return found


def records(schema: Any) -> dict[str, Any]:
    """Every record of a schema, by its short name."""
    if isinstance(schema, list):
        return {name: found for part in schema for name, found in records(part).items()}
    if not isinstance(schema, dict):
        return {}
    found = {schema["name"]: schema} if schema.get("type") == "record" else {}
    for part in (schema.get("items"), *(field["type"] for field in schema.get("fields", ()))):
        found |= records(part)
    return found | (records(schema["type"]) if isinstance(schema["type"], dict | list) else {})


def expected_type(hint: Any, name: str) -> Any:
    """The Avro type of a Struct's field, records by their short name."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        (inner,) = (part for part in arguments if part is not type(None))
        return ["null", expected_type(inner, name)]
    if origin is tuple:
        return {"type": "array", "items": expected_type(arguments[0], name)}
    if origin is typing.Literal:
        return "string"
    if hint is int:
        return _whole(name)
    plain = {
        bool: "boolean",
        float: "double",
        bytes: "bytes",
        str: "string",
        UUID: {"type": "string", "logicalType": "uuid"},
    }
    return plain.get(hint, hint.__name__)


def _whole(name: str) -> Any:
    if name in TIMES:
        return {"type": "long", "logicalType": "timestamp-micros"}
    return "int" if name in ("width_px", "height_px", "partition") else "long"


def by_name(schema: Any) -> Any:
    """A type with its records replaced by their names."""
    if isinstance(schema, list):
        return [by_name(part) for part in schema]
    if isinstance(schema, dict):
        if schema["type"] == "record":
            return schema["name"]
        return {key: by_name(value) if key == "items" else value for key, value in schema.items()}
    return schema


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_schema_and_struct_say_the_same(event: type[Any]) -> None:
    for name, record in records(json.loads(schema_text(event))).items():
        struct = structs()[name]
        hints = typing.get_type_hints(struct)
        assert [field["name"] for field in record["fields"]] == list(struct.__struct_fields__)
        for field in record["fields"]:
            assert by_name(field["type"]) == expected_type(hints[field["name"]], field["name"]), field["name"]


def test_every_struct_that_travels_has_a_record() -> None:
    described = {name for event in EVENTS for name in records(json.loads(schema_text(event)))}
    assert described == set(structs())


def test_every_file_belongs_to_an_event_and_every_event_has_one() -> None:
    assert {path.name for path in FOLDER.glob("*.avsc")} == {file_name(event) for event in EVENTS}
    assert [event_named(f"{NAMESPACE}.{event.__name__}") for event in EVENTS] == list(EVENTS)
    assert [event_named(name) for name in ("Play", "other.Play", f"{NAMESPACE}.Pose")] == [None] * 3


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_what_may_be_missing_is_null_by_default_and_everything_is_explained(event: type[Any]) -> None:
    for record in records(json.loads(schema_text(event))).values():
        assert record["doc"]
        for field in record["fields"]:
            assert field["doc"], field["name"]
            if isinstance(field["type"], list):
                assert field["type"][0] == "null", field["name"]
                assert field["default"] is None, field["name"]


def test_floats_are_doubles_everywhere() -> None:
    assert not any('"float"' in schema_text(event) for event in EVENTS)


def test_a_released_schema_is_never_edited() -> None:
    files = {f"released/{path.name}": path.read_bytes() for path in (FOLDER / "released").iterdir()}
    assert {name: hashlib.sha256(content).hexdigest() for name, content in files.items()} == LOCK["schemas"]


def test_an_id_is_never_changed() -> None:
    pins = {pin.file.removeprefix("released/").removesuffix(".avsc"): pin.id for pin in REGISTRY.pins}
    assert pins == LOCK["ids"]
    assert {pin.file for pin in REGISTRY.pins} == set(LOCK["schemas"])


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_the_present_schema_is_pinned_as_the_last_version(event: type[Any]) -> None:
    pins = [pin for pin in REGISTRY.pins if pin.record == record_name(event)]
    assert [pin.version for pin in pins] == list(range(1, len(pins) + 1))
    assert digest(REGISTRY.schema_of(pins[-1].id)) == digest(schema_text(event))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_the_present_schema_only_adds_to_every_released_one(event: type[Any]) -> None:
    for pin in REGISTRY.pins:
        if pin.record == record_name(event):
            released = parsed(REGISTRY.schema_of(pin.id))
            assert breaking_changes(released, parsed(schema_text(event))) == ()


@pytest.mark.parametrize("event", samples(), ids=lambda event: type(event).__name__)
def test_the_bytes_of_a_message_do_not_change(event: Any) -> None:
    assert shown(CODEC.encode(event)) == LOCK["messages"][type(event).__name__]


@pytest.mark.parametrize("name", ["Play", "StreamEnded", "DeadLetter"])
def test_a_message_written_once_stays_readable(name: str) -> None:
    event = CODEC.decode(bytes.fromhex(LOCK["messages"][name]))
    assert event == next(sample for sample in samples() if type(sample).__name__ == name)


def test_a_tool_that_knows_only_avro_reads_a_message() -> None:
    """Times as instants, ids as UUIDs: as any reader shows them that knows logical types."""
    schema = fastavro.parse_schema(json.loads(schema_text(type(VISIT_ENDED))))
    plain: Any = fastavro.schemaless_reader(io.BytesIO(CODEC.encode(VISIT_ENDED)[5:]), schema, None)
    assert plain["visit"]["visit_id"] == VISIT_ENDED.visit.visit_id
    assert plain["visit"]["started_us"] == datetime.datetime(2026, 2, 2, 10, 0, 0, 1, tzinfo=datetime.UTC)
    assert plain["exposures"][0]["attention_by_second_us"] == [1_000_000, 500_000, 0]
    assert plain["visit"]["time_to_first_look_us"] is None


def test_a_play_of_another_tool_is_read() -> None:
    """Written by hand as the specification says, by nobody's library."""
    fields = [str(PLAY.play_id), PLAY.stand_id, PLAY.campaign_id, PLAY.creative_id]
    body = b"".join(bytes([2 * len(text)]) + text.encode() for text in fields)
    assert PLAY.start_us == 0
    end = _zigzag(PLAY.end_us)
    assert CODEC.decode(b"\x00\x00\x00\x00\x04" + body + b"\x00" + end) == PLAY


def _zigzag(number: int) -> bytes:
    bits, found = number << 1, bytearray()
    while bits > 0x7F:
        found.append(bits & 0x7F | 0x80)
        bits >>= 7
    return bytes([*found, bits])


def test_the_page_says_what_the_schemas_say() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page_with_events(page) == page, "run python -m tests.topic_docs"


def test_the_message_of_the_page_is_what_the_codec_writes() -> None:
    line = next(line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("00  00"))
    assert CODEC.decode(bytes.fromhex(line)) == StreamEnded(stand_id="stand-1")


def test_the_table_of_the_page_names_topics_events_headers_and_causes() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for topic in TOPICS:
        row = next(line for line in page.splitlines() if line.startswith("| ") and f"`{topic}.v1`" in line)
        assert all(kind.event.__name__ in row for kind in kinds().on(topic)), topic
    for word in (CAPTURED, PRODUCED, PRODUCER, REPEATED):
        assert f"| `{word}` |" in page
    documented = re.findall(r"`(\w+)`", (UndecodableError.__doc__ or "").split("detail:")[0])
    assert len(documented) > 5
    assert all(f"| `{cause}` |" in page for cause in documented)


def test_a_letter_keeps_three_megabytes() -> None:
    value = bytes(3 * 1024 * 1024)
    letter = msgspec.structs.replace(LETTER, value=value)
    assert CODEC.decode(CODEC.encode(letter)).value == value
