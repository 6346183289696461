"""Writes the tables of docs/topics.md from kinds and schemas: `python -m tests.topic_docs`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from processors.topology import TOPOLOGY
from schemas.kinds import TOPICS, Topic, kinds
from schemas.topics import TopicNames
from schemas.wire.avsc import EVENTS, schema_text

PAGE = Path(__file__).resolve().parent.parent / "docs" / "topics.md"
TABLE_BEGIN, TABLE_END = "<!-- topics: begin -->", "<!-- topics: end -->"
BEGIN, END = "<!-- events: begin -->", "<!-- events: end -->"
OTHER_WRITERS: dict[Topic, str] = {
    "frames": "`onlooker capture`",
    "plays": "`onlooker capture`, or a player of your own",
    "dead_letters": "`onlooker work`, `onlooker sink`",
}
"""Who writes a topic that no stage writes."""
OTHER_READERS: dict[Topic, str] = {"dead_letters": "`onlooker dead-letters`"}


def topics() -> str:
    """Every topic with its events, its writers and its readers, as Markdown."""
    rows = [_row(topic) for topic in TOPICS if kinds().on(topic)]
    names = ", ".join(f"`{TopicNames().name(topic)}`" for topic in TOPICS if not kinds().on(topic))
    head = ["| topic | events | written by | read by |", "|---|---|---|---|"]
    rest = [f"| {names} | nothing yet | | |"] if names else []
    return "\n".join([TABLE_BEGIN, "", *head, *rows, *rest, "", TABLE_END])


def _row(topic: Topic) -> str:
    names = ", ".join(kind.event.__name__ for kind in kinds().on(topic))
    writers = [f"`onlooker work --role {stage.name}`" for stage in TOPOLOGY if topic in stage.writes]
    readers = [f"`onlooker work --role {stage.name}`" for stage in TOPOLOGY if topic in stage.reads]
    if any(kind.tables for kind in kinds().on(topic)):
        readers.append("`onlooker sink`")
    writers += [OTHER_WRITERS[topic]] if topic in OTHER_WRITERS else []
    readers += [OTHER_READERS[topic]] if topic in OTHER_READERS else []
    return f"| `{TopicNames().name(topic)}` | {names} | {', '.join(writers)} | {', '.join(readers)} |"


def events() -> str:
    """Every event with its fields, as Markdown."""
    parts: list[str] = []
    for event in EVENTS:
        schema = json.loads(schema_text(event))
        topics = ", ".join(f"`{topic}`" for topic in kinds().of(event).topics)
        parts += [f"### {schema['name']}", "", f"{schema['doc']} Topic: {topics}.", "", *_fields(schema)]
    return "\n".join([BEGIN, "", *parts, END])


def page_with_events(page: str) -> str:
    """The page with its generated parts made anew."""
    before, rest = page.split(TABLE_BEGIN, 1)
    between, rest = rest.split(TABLE_END, 1)[1].split(BEGIN, 1)
    return before + topics() + between + events() + rest.split(END, 1)[1]


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
