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
from schemas.wire.avsc import EVENTS, FOLDER, NAMESPACE, digest, event_of, file_name, record_name, schema_text
from schemas.wire.codec import AvroCodec
from schemas.wire.evolution import breaking_changes, parsed
from schemas.wire.registry import FileRegistry
from tests.event_samples import LETTER, PLAY, VISIT_ENDED, samples
from tests.topic_docs import PAGE, page_with_events

REGISTRY = FileRegistry()
CODEC = AvroCodec(REGISTRY)
RELEASED = {
    "released/frame_captured.1.avsc": "432c146487233df8ac0eff77153f9529f2d35532e67322040b1d11c1a7b06e91",
    "released/face_observations.1.avsc": "ed8a5b27853524a20b4c5a3a47e0a0dd468709fd9e77ea541153c01155341ca2",
    "released/stream_ended.1.avsc": "9f64bd7081aed0a06ecb18524a1e17370a6b7dec2f2d7f7e3ce2b9e26eed2036",
    "released/play.1.avsc": "c6755618b1f7f32fab853da8b23d4474f9305b0a342ed80ddb9c6b0c78c0302e",
    "released/visit_ended.1.avsc": "595fbec33c74ffcd25f7cb16dc14f354e93fcfe07bb3205ab37d426410410318",
    "released/window_closed.1.avsc": "2afdbfb674f92c003ff643b0ffe9112a3e4195ffe4c879d224f157b998192c6d",
    "released/dead_letter.1.avsc": "78036af8320b80b203f8a7e21c76a6110f36f779f3079c8ff8beb45fb9581cc1",
}
"""File: SHA-256 of its bytes. Add a line for a new version; never change one."""
IDS = {
    "frame_captured.1": 1,
    "face_observations.1": 2,
    "stream_ended.1": 3,
    "play.1": 4,
    "visit_ended.1": 5,
    "window_closed.1": 6,
    "dead_letter.1": 7,
}
"""The id of each version; never changed, never used again."""
GOLDEN = {
    "Play": (
        "00000000044830303030303030302d303030302d303030302d303030302d30303030303030303030"
        "30330e7374616e642d310c636f6666656506622e310082a085ad8cf5a406"
    ),
    "StreamEnded": "00000000030e7374616e642d31",
    "FrameCaptured": "c263a049abaceb1275168ac9bf9880430a1c79fad9e5e731874dafc349a3e33a",
    "FaceObservations": "a635ad5dd954197563f39699bd0b2d2edddbbcf77082099eef373911ff51ce92",
    "VisitEnded": "18a89043d9a4024568e47ebdb0e9ababe4ad4ad7c4d6f945ccccfb218f66a74c",
    "WindowClosed": (
        "00000000064830303030303030302d303030302d303030302d303030302d30303030303030303030"
        "30360e7374616e642d3182a085ad8cf5a40682bca1e68cf5a406c0819039020c636f666665650662"
        "2e310c0a0806040afeffffffffffffffff010002000002020a32352d3334000a0806040204060200"
        "106d6f64656c732d31023104"
    ),
    "DeadLetter": (
        "00000000074830303030303030302d303030302d303030302d303030302d30303030303030303030"
        "30380873696e6b127472756e63617465643c546865205669736974456e64656420656e647320746f"
        "6f206561726c792e1c736974652e7669736974732e7631feffffff0ffeffffffffffffffff0182a0"
        "85ad8cf5a406000200"
    ),
}
"""Messages in hex; of the long ones the SHA-256. What was written once must stay readable."""
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
    assert [event_of(f"{NAMESPACE}.{event.__name__}") for event in EVENTS] == list(EVENTS)
    assert [event_of(name) for name in ("Play", "other.Play", f"{NAMESPACE}.Pose")] == [None] * 3


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
    assert {name: hashlib.sha256(content).hexdigest() for name, content in files.items()} == RELEASED


def test_an_id_is_never_changed() -> None:
    pins = {pin.file.removeprefix("released/").removesuffix(".avsc"): pin.id for pin in REGISTRY.pins}
    assert pins == IDS
    assert {pin.file for pin in REGISTRY.pins} == set(RELEASED)


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
    message = CODEC.encode(event)
    golden = GOLDEN[type(event).__name__]
    found = message.hex() if len(message) <= 200 else hashlib.sha256(message).hexdigest()
    assert found == golden


@pytest.mark.parametrize("name", ["Play", "StreamEnded", "DeadLetter"])
def test_a_message_written_once_stays_readable(name: str) -> None:
    event = CODEC.decode(bytes.fromhex(GOLDEN[name]))
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
