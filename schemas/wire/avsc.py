"""The Avro schemas beside this file: which event has which, their text, and their digest."""

import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from schemas.kinds import kinds

FOLDER = Path(str(files("schemas").joinpath("avro")))
NAMESPACE = "onlooker.v1"
"""Namespace of every record; a break of compatibility would be another version, on other topics."""
EVENTS: tuple[type[Any], ...] = tuple(kind.event for kind in kinds().all)


def event_named(record: str) -> type[Any] | None:
    """The Struct of a record by its full name, from anybody; None: no topic carries such a record."""
    kind = kinds().named(record.removeprefix(f"{NAMESPACE}."))
    return kind.event if kind is not None and record == record_name(kind.event) else None


def record_name(event: type[Any]) -> str:
    """The full name of an event's record, for example `onlooker.v1.VisitEnded`."""
    return f"{NAMESPACE}.{event.__name__}"


def file_name(event: type[Any]) -> str:
    """The file of an event's schema, for example `visit_ended.avsc`."""
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in event.__name__)
    return f"{words.lstrip('_')}.avsc"


def schema_text(event: type[Any], folder: Path | None = None) -> str:
    """The present schema of an event as JSON, as its file says it.

    Args:
        event: the Struct of a kind in `schemas.kinds`.
        folder: where the files are; None: beside this package's code.
    """
    place = folder or FOLDER
    return (place / file_name(event)).read_text(encoding="utf-8")


def digest(text: str) -> str:
    """What tells one schema from another: equal for equal JSON, however it is laid out.

    Returns:
        SHA-256 in hex, of the JSON with sorted names and no spaces.

    Raises:
        ValueError: It is no JSON.
    """
    plain = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()
