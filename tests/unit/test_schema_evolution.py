"""Evolution: additions with defaults pass, everything else is named by its field."""

import json
from typing import Any

import pytest

from schemas.wire.evolution import BadSchemaError, breaking_changes, parsed
from schemas.wire.resolution import Schema, endless, unreadable

TIME = {"type": "long", "logicalType": "timestamp-micros"}
INNER = {"type": "record", "name": "Inner", "fields": [{"name": "a", "type": "long"}]}
WIDER = {"type": "record", "name": "Inner", "fields": [*INNER["fields"], {"name": "b", "type": "long"}]}
DEFAULTED = {
    "type": "record",
    "name": "Inner",
    "fields": [*INNER["fields"], {"name": "b", "type": ["null", "long"], "default": None}],
}


def record(**fields: Any) -> Schema:
    """A record; a field is a type, or a type with a default."""
    described = [
        {"name": name, "type": field[0], "default": field[1]}
        if isinstance(field, tuple)
        else {"name": name, "type": field}
        for name, field in fields.items()
    ]
    return parsed(json.dumps({"type": "record", "name": "x.Outer", "fields": described}))


def array(items: Any) -> Any:
    return {"type": "array", "items": items}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (record(a="long"), record(a="long")),
        (record(a="long"), record(a="long", b=("long", 0))),
        (record(a="long"), record(b=(["null", "string"], None), a="long")),
        (record(a=array(INNER)), record(a=array(DEFAULTED))),
        (record(a=["null", INNER]), record(a=["null", DEFAULTED])),
        (record(a=TIME), record(a=TIME, b=(array("long"), []))),
        (record(a=INNER, b="x.Inner"), record(a=INNER, b="x.Inner", c=("x.Inner", {"a": 1}))),
    ],
)
def test_additions_with_defaults_pass(old: Schema, new: Schema) -> None:
    assert breaking_changes(old, new) == ()


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        (record(a="long"), record(a="long", b="long"), "b: is missing and has no default"),
        (record(a="long", b="long"), record(a="long"), "b: is missing and has no default (readers"),
        (record(a="long", b=("long", 0)), record(a="long"), "b: is gone"),
        (record(a="long"), record(z="long"), "z: is missing"),
        (record(a="long"), record(a="double"), "a: double cannot be read as long"),
        (record(a="int"), record(a="long"), "a: long cannot be read as int"),
        (record(a="string"), record(a="bytes"), "a: string cannot be read as bytes"),
        (record(a="long"), record(a=["null", "long"]), "a: null cannot be read as long"),
        (record(a=["null", "long"]), record(a=["null", "string"]), "a: long is none of null or string"),
        (record(a="long"), record(a=TIME), "a: has the logical type timestamp-micros instead of none"),
        (record(a=["null", TIME]), record(a=["null", "long"]), "a: has the logical type none instead of"),
        (record(a=array(INNER)), record(a=array(WIDER)), "a[].b: is missing"),
        (record(a=array("long")), record(a=array("string")), "a[]: long cannot be read as string"),
        (
            record(a={"type": "map", "values": "long"}),
            record(a=array("long")),
            "a: map cannot be read as array",
        ),
        (
            record(a={"type": "enum", "name": "E", "symbols": ["x"]}),
            record(a={"type": "enum", "name": "E", "symbols": ["x", "y"]}),
            "a: x.E has other symbols",
        ),
        (
            record(a={"type": "fixed", "name": "F", "size": 4}),
            record(a={"type": "fixed", "name": "F", "size": 5}),
            "a: x.F has other symbols or another size",
        ),
        (record(a=INNER), record(a={**INNER, "name": "Other"}), "a: x.Inner is not x.Other"),
    ],
)
def test_anything_else_is_named_by_its_field(old: Schema, new: Schema, field: str) -> None:
    assert any(words.startswith(field) for words in breaking_changes(old, new)), breaking_changes(old, new)


def test_an_int_may_be_read_as_a_long_but_not_the_other_way() -> None:
    assert unreadable(record(a="int"), record(a="long")) == ()
    assert unreadable(record(a="int"), record(a=["null", "double"])) == ()
    assert unreadable(record(a="long"), record(a="int")) == ("a: long cannot be read as int",)


def test_fields_that_the_reader_does_not_know_are_passed_over() -> None:
    assert unreadable(record(a="long", b="bytes"), record(a="long")) == ()


def test_a_schema_that_contains_itself_can_be_compared() -> None:
    tree = record(a=["null", "x.Outer"], b=array("x.Outer"))
    assert breaking_changes(tree, tree) == ()
    assert breaking_changes(tree, record(a=["null", "x.Outer"], b=array("long")))


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (record(a=array("null")), "no byte"),
        (record(a=array({"type": "record", "name": "N", "fields": []})), "no byte"),
        (record(a=array({"type": "fixed", "name": "F", "size": 0})), "no byte"),
        (record(a=["null", array(array("null"))]), "no byte"),
        (record(a=["null", "x.Outer"]), "contains itself"),
        (record(a=array("x.Outer")), "contains itself"),
        (record(a={"type": "map", "values": "x.Outer"}), "contains itself"),
    ],
)
def test_a_schema_that_could_fill_the_memory_is_told(schema: Schema, reason: str) -> None:
    assert reason in (endless(schema) or "")


@pytest.mark.parametrize(
    "schema",
    [record(a=array("long"), b={"type": "map", "values": "null"}, c=INNER, d="x.Inner", e=array(["null"]))],
)
def test_an_ordinary_schema_is_not(schema: Schema) -> None:
    assert endless(schema) is None


@pytest.mark.parametrize(
    "text", ["", "{", "5", "null", '"nothing"', '{"type": "record"}', "[" * 100_000, '{"type": 5}']
)
def test_what_is_no_schema_is_told(text: str) -> None:
    with pytest.raises(BadSchemaError):
        parsed(text)
