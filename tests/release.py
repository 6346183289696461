"""Releases what is new, and changes nothing that is released: `python -m tests.release`.

A schema that no id stands for gets the next one and a copy in `released/`; it, its message and each migration
get a line in `contract/released.json`, which the contract tests hold us to; and the pages are written anew.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec

from schemas.wire.avsc import EVENTS, FOLDER, digest, file_name, record_name, schema_text
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry, PinnedSchema
from sinks.store.migrate import released
from tests import grant_docs, table_docs, topic_docs
from tests.event_samples import samples

LOCK_FILE = Path(__file__).resolve().parent / "contract" / "released.json"
LOCK: dict[str, dict[str, Any]] = json.loads(LOCK_FILE.read_text())
"""Of `schemas` and `migrations` the SHA-256, of versions of schemas the `ids`, of each event one of its
`messages` as `shown`. Lines are added, never changed."""


def shown(message: bytes) -> str:
    """A message in hex; a long one as its SHA-256."""
    return message.hex() if len(message) <= 200 else hashlib.sha256(message).hexdigest()


def pinned(event: type[Any], folder: Path) -> None:
    """Give the present schema of an event an id, unless it has one."""
    files = FileRegistry(folder)
    mine = [pin for pin in files.pins if pin.record == record_name(event)]
    text = schema_text(event, folder)
    if mine and digest(files.schema_of(mine[-1].id)) == digest(text):
        return
    version = len(mine) + 1
    pin = PinnedSchema(
        id=max(pin.id for pin in files.pins) + 1,
        record=record_name(event),
        version=version,
        file=f"released/{Path(file_name(event)).stem}.{version}.avsc",
    )
    (folder / pin.file).write_text(text, encoding="utf-8")
    lines = ",\n".join(f"  {json.dumps(msgspec.to_builtins(each))}" for each in (*files.pins, pin))
    (folder / "ids.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def locked() -> dict[str, dict[str, Any]]:
    """The lock with a line for everything that has none."""
    files = FileRegistry()
    schemas = {pin.file: hashlib.sha256((FOLDER / pin.file).read_bytes()).hexdigest() for pin in files.pins}
    found: dict[str, dict[str, Any]] = {
        "schemas": schemas,
        "ids": {Path(pin.file).stem: pin.id for pin in files.pins},
        "messages": {type(event).__name__: shown(AvroCodec(files).encode(event)) for event in samples()},
        "migrations": {str(migration.number): migration.sha256 for migration in released()},
    }
    return {part: {**lines, **LOCK[part]} for part, lines in found.items()}


if __name__ == "__main__":
    for each in EVENTS:
        pinned(each, FOLDER)
    for path, written in (
        (topic_docs.PAGE, topic_docs.page_with_events),
        (table_docs.PAGE, table_docs.page_with_tables),
        (grant_docs.PAGE, grant_docs.page_with_grants),
    ):
        path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")
    LOCK_FILE.write_text(json.dumps(locked(), indent=2) + "\n", encoding="utf-8")
