"""The codec and messages from anybody: an event or a cause comes out, and never anything else."""

import io
import json
import math
import tracemalloc
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.belief import believable, event_time_us, fitting
from schemas.bounds import FRAME_BYTES, LATEST_US
from schemas.errors import UndecodableError
from schemas.events import FaceObservations, Play, StreamEnded, VisitEnded
from schemas.kinds import TOPICS, kinds
from schemas.wire.avsc import EVENTS, record_name, schema_text
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry
from tests.event_samples import OBSERVATIONS, PLAY, T_US, VISIT_ENDED, WINDOW, samples

CODEC = AvroCodec(FileRegistry())
CAUSES = {"empty", "not_framed", "unknown_schema", "truncated", "wrong_type", "out_of_range", "too_large"}
MESSAGES = [CODEC.encode(event) for event in samples()]
HEADS = [message[:5] for message in MESSAGES]


def cause_of(data: bytes | None) -> str:
    with pytest.raises(UndecodableError) as caught:
        CODEC.decode(data)
    assert str(caught.value)
    return caught.value.cause


def outcome(data: bytes) -> str:
    """The cause, or `fine` for an event that can be encoded again."""
    try:
        event = CODEC.decode(data)
    except UndecodableError as error:
        cause = error.cause
    else:
        assert CODEC.decode(CODEC.encode(event)) == event
        return "fine"
    assert cause in CAUSES
    return cause


def raw(event: Any, **changes: Any) -> bytes:
    """A message whose fields were changed behind the codec's back."""
    plain = {**msgspec.to_builtins(event, builtin_types=(bytes,)), **changes}
    stream = io.BytesIO()
    stream.write(CODEC.encode(event)[:5])
    schema = fastavro.parse_schema(json.loads(schema_text(type(event)).replace("timestamp-micros", "")))
    fastavro.schemaless_writer(stream, schema, plain, disable_tuple_notation=True)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"\x01\x00\x00\x00\x01", "not_framed"),
        (b"{}", "not_framed"),
        (b"\x00\x00\x00", "truncated"),
        (b"\x00\x00\x00\xff\xff", "unknown_schema"),
        (b"\x00\xff\xff\xff\xffabc", "unknown_schema"),
        (HEADS[1], "truncated"),
        (MESSAGES[3] + b"\x00", "wrong_type"),
        (b"\x00" * (3 * 1024 * 1024), "unknown_schema"),
        (HEADS[1] + bytes(range(256)) * 12_000, "too_large"),
        (HEADS[0] + bytes(range(256)) * 12_000, "truncated"),
        (HEADS[0] + b"\x00" * (FRAME_BYTES), "too_large"),
        (HEADS[2] + b"\x04\xff\xfe", "wrong_type"),
    ],
)
def test_each_kind_of_damage_has_its_cause(data: bytes | None, cause: str) -> None:
    assert cause_of(data) == cause


@pytest.mark.parametrize("message", MESSAGES, ids=[event.__name__ for event in EVENTS])
def test_a_message_cut_at_any_place_is_refused(message: bytes) -> None:
    for length in range(len(message)):
        assert outcome(message[:length]) != "fine"


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", *HEADS]))
def test_any_bytes_give_an_event_or_a_cause(noise: bytes, head: bytes) -> None:
    outcome(head + noise)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(MESSAGES), st.data())
def test_a_valid_message_with_changed_bytes_gives_an_event_or_a_cause(
    message: bytes, data: st.DataObject
) -> None:
    changed = bytearray(message)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
        if not changed:
            break
    outcome(bytes(changed)) if changed else cause_of(b"")


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("claim", [2**62, -(2**62), -1, 2**40, 1 << 63])
def test_a_claimed_length_costs_no_memory(head: bytes, claim: int) -> None:
    body = head + _zigzag(claim) * 12
    tracemalloc.start()
    try:
        assert outcome(body) != "fine"
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 1_000_000


def test_many_tiny_items_cost_memory_in_proportion() -> None:
    """The largest observation of the smallest faces: more than are allowed, and still bounded."""
    start = CODEC.encode(msgspec.structs.replace(OBSERVATIONS, faces=(), model_version=""))[:-2]
    face = b"\x00" * 1 + b"\x00" + b"\x00" * 16 + b"\x00" * 7
    count = (1024 * 1024 - 200) // len(face)
    message = start + _zigzag(count) + face * count + b"\x00\x00"
    tracemalloc.start()
    try:
        assert cause_of(message) in ("out_of_range", "wrong_type")
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 100 * len(message)


def _zigzag(number: int) -> bytes:
    bits = ((number << 1) ^ (number >> 63)) & (2**64 - 1)
    found = bytearray()
    while bits > 0x7F:
        found.append(bits & 0x7F | 0x80)
        bits >>= 7
    return bytes([*found, bits])


FACE = msgspec.to_builtins(OBSERVATIONS.faces[0])
VISIT = msgspec.to_builtins(VISIT_ENDED.visit)
EXPOSURE = msgspec.to_builtins(VISIT_ENDED.exposures[0])


@pytest.mark.parametrize(
    ("event", "changes"),
    [
        (OBSERVATIONS, {"t_us": -1}),
        (OBSERVATIONS, {"t_us": LATEST_US + 1}),
        (OBSERVATIONS, {"stand_id": ""}),
        (OBSERVATIONS, {"stand_id": "a" * 129}),
        (OBSERVATIONS, {"stand_id": "a\n"}),
        (OBSERVATIONS, {"camera_id": "../../etc"}),
        (OBSERVATIONS, {"width_px": 0}),
        (OBSERVATIONS, {"frame_index": -5}),
        (OBSERVATIONS, {"faces": [{**FACE, "score": math.nan}]}),
        (OBSERVATIONS, {"faces": [{**FACE, "age_years": math.inf}]}),
        (OBSERVATIONS, {"faces": [{**FACE, "similarity": -math.inf}]}),
        (OBSERVATIONS, {"faces": [{**FACE, "box_px": [1.0, 2.0, 3.0]}]}),
        (OBSERVATIONS, {"faces": [{**FACE, "box_px": [1.0, 2.0, 3.0, math.nan]}]}),
        (OBSERVATIONS, {"faces": [{**FACE, "expression_scores": [0.5, 0.5]}]}),
        (OBSERVATIONS, {"faces": [{**FACE, "member_id": "a\x00b"}]}),
        (OBSERVATIONS, {"faces": [FACE] * 1001}),
        (PLAY, {"start_us": PLAY.end_us + 1}),
        (PLAY, {"campaign_id": "a b"}),
        (VISIT_ENDED, {"visit": {**VISIT, "looks": 2**32}}),
        (VISIT_ENDED, {"visit": {**VISIT, "dwell_us": -1}}),
        (VISIT_ENDED, {"visit": {**VISIT, "gender": "robot"}}),
        (VISIT_ENDED, {"visit": {**VISIT, "ended_us": VISIT["started_us"] - 1}}),
        (VISIT_ENDED, {"exposures": [{**EXPOSURE, "attention_by_second_us": [2**32 * 1000]}]}),
        (VISIT_ENDED, {"exposures": [{**EXPOSURE, "expression_us": [1]}]}),
        (VISIT_ENDED, {"exposures": [{**EXPOSURE, "stand_id": "elsewhere"}]}),
        (WINDOW, {"end_us": WINDOW.start_us - 1}),
        (WINDOW, {"version": -1}),
    ],
)
def test_a_value_that_no_table_could_hold_is_refused(event: Any, changes: dict[str, Any]) -> None:
    assert CODEC.decode(raw(event)) == event
    assert cause_of(raw(event, **changes)) == "out_of_range"


@pytest.mark.parametrize("text", ["", "not-a-uuid", "0" * 40])
def test_an_id_that_is_none_is_of_the_wrong_type(text: str) -> None:
    assert cause_of(raw(PLAY, play_id=text)) == "wrong_type"


class OneSchema:
    """A registry in which somebody registered something."""

    def __init__(self, schema: object) -> None:
        self._text = json.dumps(schema) if not isinstance(schema, str) else schema

    def id_of(self, subject: str, schema: str) -> int:
        return 1

    def schema_of(self, schema_id: int) -> str:
        return self._text


def record(name: str, *fields: object) -> dict[str, object]:
    return {
        "type": "record",
        "name": name,
        "fields": [{"name": f"f{i}", "type": t} for i, t in enumerate(fields)],
    }


@pytest.mark.parametrize(
    ("schema", "cause"),
    [
        ("no JSON", "unknown_schema"),
        ("[" * 100_000, "unknown_schema"),
        ("5", "unknown_schema"),
        ({"type": "record"}, "unknown_schema"),
        ("string", "unknown_schema"),
        ('"string"', "wrong_type"),
        (["null", "long"], "wrong_type"),
        (record("someone.Else", "long"), "wrong_type"),
        (record(record_name(Play), "long"), "wrong_type"),
        (record(record_name(StreamEnded), {"type": "array", "items": "null"}), "wrong_type"),
        (record(record_name(StreamEnded), ["null", record_name(StreamEnded)]), "wrong_type"),
    ],
)
def test_a_foreign_schema_is_refused_before_its_messages_are_read(schema: object, cause: str) -> None:
    codec = AvroCodec(OneSchema(schema))
    with pytest.raises(UndecodableError) as caught:
        codec.decode(b"\x00\x00\x00\x00\x01" + b"\xff" * 9)
    assert caught.value.cause == cause


def test_an_array_of_nothing_does_not_run_for_ever() -> None:
    schema = json.loads(schema_text(StreamEnded))
    schema["fields"].append({"name": "more", "type": {"type": "array", "items": "null"}})
    codec = AvroCodec(OneSchema(schema))
    with pytest.raises(UndecodableError, match="items that take no byte"):
        codec.decode(HEADS[2][:4] + b"\x01\x02a" + _zigzag(2**60))


@pytest.mark.parametrize("event", samples(), ids=lambda event: type(event).__name__)
def test_an_event_fits_its_topics_and_no_other(event: Any) -> None:
    for topic in TOPICS:
        if topic in kinds().of(type(event)).topics:
            fitting(event, topic)
        else:
            with pytest.raises(UndecodableError) as caught:
                fitting(event, topic)
            assert caught.value.cause == "wrong_type"


@pytest.mark.parametrize("event", samples(), ids=lambda event: type(event).__name__)
def test_an_event_from_the_future_is_not_believed(event: Any) -> None:
    t_us = event_time_us(event)
    if t_us is None:
        believable(event, 0)
        return
    believable(event, t_us - 10_000_000, max_ahead_s=10)
    with pytest.raises(UndecodableError) as caught:
        believable(event, t_us - 10_000_001, max_ahead_s=10)
    assert caught.value.cause == "future"


def test_a_play_is_judged_by_its_start() -> None:
    long_play = msgspec.structs.replace(PLAY, start_us=T_US, end_us=T_US + 10**12)
    believable(long_play, T_US)


def test_topics_say_which_events_they_carry() -> None:
    assert kinds().of(StreamEnded).topics == ("frames", "observations")
    assert kinds().of(FaceObservations).topics == ("observations",)
    assert kinds().of(VisitEnded).topics == ("visits",)
