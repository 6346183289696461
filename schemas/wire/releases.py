"""The present schemas next to those others know: pinned by a release, or registered in a registry."""

from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

from schemas.kinds import kinds
from schemas.topics import TopicNames
from schemas.wire.avsc import EVENTS, digest, event_named, record_name, schema_text
from schemas.wire.evolution import BadSchemaError, breaking_changes, parsed
from schemas.wire.registry import FileRegistry, subject_of


class Latest(Protocol):
    """Who knows the newest schema of a subject."""

    def latest(self, subject: str) -> str | None:
        """Avro schema as JSON; None when nothing is registered."""
        ...


class KnownSchema(msgspec.Struct, frozen=True, kw_only=True):
    """One version of an event's schema on one topic."""

    subject: str
    id: int
    version: int
    digest: str
    """SHA-256 of the JSON with sorted names and no spaces."""
    topic: str
    """As the broker names it."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The present schema of an event next to another version of it."""

    record: str
    against: str
    """Which version, in words."""
    problems: tuple[str, ...]
    """A sentence each, beginning with the field; none: they are compatible."""


def known_schemas(files: FileRegistry, names: TopicNames) -> tuple[KnownSchema, ...]:
    """Every pinned schema with each topic that carries it, oldest first."""
    return tuple(
        KnownSchema(
            subject=subject_of(names.name(topic), pin.record),
            id=pin.id,
            version=pin.version,
            digest=digest(files.schema_of(pin.id)),
            topic=names.name(topic),
        )
        for pin in files.pins
        if (event := event_named(pin.record)) is not None
        for topic in kinds().of(event).topics
    )


def compare_released(files: FileRegistry, events: Iterable[type[Any]] = EVENTS) -> tuple[Comparison, ...]:
    """The present schemas next to every released version: messages are kept for longer than a release.

    Returns:
        One for each version; an event that was never released has one with a problem.
    """
    found = []
    for event in events:
        record = record_name(event)
        pins = [pin for pin in files.pins if pin.record == record]
        found += [
            _compared(
                record, f"version {pin.version}", files.schema_of(pin.id), schema_text(event, files.folder)
            )
            for pin in pins
        ]
        newest = digest(files.schema_of(pins[-1].id)) if pins else None
        if newest != digest(schema_text(event, files.folder)):
            words = "the present schema has no id: copy it to `released/` and pin it in `ids.json`"
            found.append(Comparison(record=record, against="the pins", problems=(words,)))
    return tuple(found)


def compare_registered(registry: Latest, names: TopicNames) -> tuple[Comparison, ...]:
    """The present schemas next to the newest of a registry, one for each subject that it knows.

    Raises:
        UsageError: The registry refuses this client.
        DependencyAwayError: It is away.
    """
    found = []
    for event in EVENTS:
        for topic in kinds().of(event).topics:
            subject = subject_of(names.name(topic), record_name(event))
            text = registry.latest(subject)
            if text is not None:
                found.append(_compared(record_name(event), f"subject {subject}", text, schema_text(event)))
    return tuple(found)


def _compared(record: str, against: str, old: str, new: str) -> Comparison:
    try:
        problems = breaking_changes(parsed(old), parsed(new))
    except BadSchemaError as error:
        problems = (str(error),)
    return Comparison(record=record, against=against, problems=problems)
