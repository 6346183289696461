"""Whether a new version of a schema may follow a released one, and which field stands in the way."""

import json
from collections.abc import Iterator
from typing import Any

import fastavro

from schemas.wire.resolution import Schema, looked_up, parts_of, unreadable

REFUSED = (fastavro.schema.SchemaParseException, fastavro.schema.UnknownType)
"""What fastavro makes of a schema that is none, besides Python's own errors."""


class BadSchemaError(ValueError):
    """What is called a schema is none."""


def parsed(text: str) -> Schema:
    """Read an Avro schema as JSON, from anybody; all names are then written in full.

    Raises:
        BadSchemaError: It is none.
    """
    names: dict[str, Any] = {}
    try:
        root = fastavro.parse_schema(json.loads(text), named_schemas=names, _force=True)
    except (ValueError, LookupError, TypeError, RecursionError, AttributeError, *REFUSED) as error:
        raise BadSchemaError(f"It is no Avro schema: {str(error)[:200]}") from error
    return Schema(root=root, names=names)


def breaking_changes(old: Schema, new: Schema) -> tuple[str, ...]:
    """What a new version does that others, who know the old one, cannot follow.

    Returns:
        A sentence for each, beginning with the field; none: the new version only adds fields with defaults.
    """
    was, now = _meanings(old), _meanings(new)
    return (
        *(f"{words} (messages of the old version)" for words in unreadable(old, new)),
        *(f"{words} (readers of the old version)" for words in unreadable(new, old)),
        *(f"{path}: is gone" for path in was if path not in now),
        *(
            f"{path}: has the logical type {now[path] or 'none'} instead of {was[path] or 'none'}"
            for path in was
            if path in now and now[path] != was[path]
        ),
    )


def _meanings(schema: Schema) -> dict[str, str]:
    """The logical type at every path, empty where there is none."""
    return {path.lstrip("."): meaning for path, meaning in _walk(schema, schema.root, "", ())}


def _walk(schema: Schema, at: Any, path: str, within: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    part = looked_up(at, schema.names)
    if isinstance(part, list):
        for branch in part:
            if branch != "null":
                yield from _walk(schema, branch, path, within)
        return
    yield path, part.get("logicalType", "") if isinstance(part, dict) else ""
    name = part.get("name", "") if isinstance(part, dict) else ""
    if name and name in within:
        return
    for step, inner in parts_of(part):
        yield from _walk(schema, inner, path + step, (*within, name) if name else within)
