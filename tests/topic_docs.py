"""Writes the events of docs/topics.md from the schemas: `python -m tests.topic_docs`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.kinds import kinds
from schemas.wire.avsc import EVENTS, schema_text

PAGE = Path(__file__).resolve().parent.parent / "docs" / "topics.md"
BEGIN, END = "<!-- events: begin -->", "<!-- events: end -->"


def events() -> str:
    """Every event with its fields, as Markdown."""
    parts: list[str] = []
    for event in EVENTS:
        schema = json.loads(schema_text(event))
        topics = ", ".join(f"`{topic}`" for topic in kinds().of(event).topics)
        parts += [f"### {schema['name']}", "", f"{schema['doc']} Topic: {topics}.", "", *_fields(schema)]
    return "\n".join([BEGIN, "", *parts, END])


def page_with_events(page: str) -> str:
    """The page with its generated part made anew."""
    before, rest = page.split(BEGIN, 1)
    return before + events() + rest.split(END, 1)[1]


def _fields(record: Any) -> Iterator[str]:
    yield from ("| field | type | meaning |", "|---|---|---|")
    inner: list[Any] = []
    for field in record["fields"]:
        yield f"| `{field['name']}` | {_words(field['type'], inner)} | {field['doc']} |"
    yield ""
    for part in inner:
        yield from (f"`{part['name']}`: {part['doc']}", "", *_fields(part))


def _words(kind: Any, inner: list[Any]) -> str:
    """A type in words; records met on the way are added to `inner`."""
    if isinstance(kind, list):
        return f"{_words(kind[1], inner)} or null"
    if isinstance(kind, str):
        return kind
    if kind["type"] == "array":
        return f"array of {_words(kind['items'], inner)}"
    if kind["type"] == "record":
        inner.append(kind)
        return f"`{kind['name']}`"
    return f"{kind['type']} ({kind['logicalType']})"


if __name__ == "__main__":
    PAGE.write_text(page_with_events(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
