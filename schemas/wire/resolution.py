"""Avro's rules for reading one schema's messages with another, decided without a message."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

NAMED = ("record", "enum", "fixed", "error")
PROMOTIONS: Mapping[str, tuple[str, ...]] = {
    "int": ("long", "float", "double"),
    "long": ("float", "double"),
    "float": ("double",),
}
"""What may be read as what. Source: Avro specification, schema resolution."""


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """A schema with the named types it defines."""

    root: Any
    names: Mapping[str, Any]


def unreadable(writer: Schema, reader: Schema) -> tuple[str, ...]:
    """Why messages of one schema cannot be read with another.

    Returns:
        A sentence for each reason, beginning with the field; none: they can.
    """
    return tuple(dict.fromkeys(_Comparison(writer, reader).of(writer.root, reader.root, "")))


def endless(schema: Schema) -> str | None:
    """Why a few bytes written with anybody's schema could fill memory or stack; None: they cannot."""
    return next(_endless(schema.root, schema.names, ()), None)


def looked_up(schema: Any, names: Mapping[str, Any]) -> Any:
    """The definition that a name in a schema stands for; anything else as it is."""
    return names.get(schema, schema) if isinstance(schema, str) else schema


def parts_of(schema: Any) -> Iterator[tuple[str, Any]]:
    """What a type, no union, is made of.

    Yields:
        How a path goes on (`[]`, `.field`), and the type there.
    """
    if isinstance(schema, dict):
        for part in ("items", "values"):
            if part in schema:
                yield "[]", schema[part]
        for field in schema.get("fields", ()):
            yield f".{field['name']}", field["type"]


class _Comparison:
    """Avro's schema resolution, without a message. Source: Avro specification, schema resolution."""

    def __init__(self, writer: Schema, reader: Schema) -> None:
        self._writer = writer
        self._reader = reader
        self._within: set[tuple[str, str]] = set()

    def of(self, writer: Any, reader: Any, path: str) -> Iterator[str]:
        """Reasons below one path."""
        writer, reader = looked_up(writer, self._writer.names), looked_up(reader, self._reader.names)
        if isinstance(writer, list):
            for branch in writer:
                yield from self.of(branch, reader, path)
        elif isinstance(reader, list):
            if all(any(True for _ in self.of(writer, branch, path)) for branch in reader):
                yield f"{path or 'the schema'}: {_kind(writer)} is none of {_words(reader)}"
        elif _kind(writer) != _kind(reader):
            if _kind(reader) not in PROMOTIONS.get(_kind(writer), ()):
                yield f"{path or 'the schema'}: {_kind(writer)} cannot be read as {_kind(reader)}"
        else:
            yield from self._same_kind(writer, reader, path)

    def _same_kind(self, writer: Any, reader: Any, path: str) -> Iterator[str]:
        kind = _kind(writer)
        if kind in ("array", "map"):
            part = "items" if kind == "array" else "values"
            yield from self.of(writer[part], reader[part], f"{path}[]")
        elif kind in NAMED:
            if _last(writer["name"]) != _last(reader["name"]):
                yield f"{path or 'the schema'}: {writer['name']} is not {reader['name']}"
            elif kind == "record":
                yield from self._records(writer, reader, path)
            elif any(writer.get(part) != reader.get(part) for part in ("symbols", "size")):
                yield f"{path}: {writer['name']} has other symbols or another size"

    def _records(self, writer: Any, reader: Any, path: str) -> Iterator[str]:
        pair = (writer["name"], reader["name"])
        if pair in self._within:
            return
        self._within.add(pair)
        written = {field["name"]: field for field in writer["fields"]}
        for field in reader["fields"]:
            inner = f"{path}.{field['name']}".lstrip(".")
            if field["name"] in written:
                yield from self.of(written[field["name"]]["type"], field["type"], inner)
            elif "default" not in field:
                yield f"{inner}: is missing and has no default"
        self._within.discard(pair)


def _kind(schema: Any) -> str:
    if isinstance(schema, list):
        return "union"
    kind = schema["type"] if isinstance(schema, dict) else schema
    return kind if isinstance(kind, str) else _kind(kind)


def _words(union: list[Any]) -> str:
    return " or ".join(_kind(branch) if not isinstance(branch, str) else branch for branch in union)


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _endless(schema: Any, names: Mapping[str, Any], within: tuple[str, ...]) -> Iterator[str]:
    schema = looked_up(schema, names)
    if isinstance(schema, list):
        for branch in schema:
            yield from _endless(branch, names, within)
        return
    if _kind(schema) == "record":
        if schema["name"] in within:
            yield f"{schema['name']} contains itself"
            return
        within = (*within, schema["name"])
    for _, part in parts_of(schema):
        yield from _endless(part, names, within)
    if _kind(schema) == "array" and _is_nothing(schema["items"], names):
        yield "an array has items that take no byte"


def _is_nothing(schema: Any, names: Mapping[str, Any]) -> bool:
    """Whether values of a schema that does not contain itself take no byte."""
    schema = looked_up(schema, names)
    if isinstance(schema, list):
        return False
    if _kind(schema) == "record":
        return all(_is_nothing(part, names) for _, part in parts_of(schema))
    return _kind(schema) == "null" or (_kind(schema) == "fixed" and schema["size"] == 0)
