"""Where the id of a schema comes from: pinned in a file beside the schemas, or a registry's word."""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Protocol

import msgspec

from schemas.errors import UndecodableError, UsageError
from schemas.ranges import Seconds
from schemas.wire.avsc import FOLDER, digest


class RegistryOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which registry gives the ids of schemas."""

    url: str | None = None
    """`https://HOST:PORT` of a Confluent-compatible registry; None: the ids pinned in files."""
    username: str | None = None
    password: str | None = None
    """Filled in from `password_file` or the environment when a service starts; never written into a file."""
    password_file: Path | None = None
    ca_file: Path | None = None
    """Certificates that sign the registry's; None: those of the system."""
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 5
    """For one request; a service asks once a schema."""
    ask_again_s: Seconds = 60
    """An id that the registry did not know is asked for again after this time."""

    def __repr__(self) -> str:
        return f"RegistryOptions(url={self.url!r})"


class SchemaRegistry(Protocol):
    """Schemas by id and ids by schema."""

    def id_of(self, subject: str, schema: str) -> int:
        """The id that messages carry for a schema; where that is possible it is registered.

        Args:
            subject: what the schema is for, `TOPIC-RECORD`.
            schema: Avro schema as JSON.

        Raises:
            UsageError: it is not known, or refused as incompatible.
            DependencyAwayError: the registry is away: wait and ask again.
        """
        ...

    def schema_of(self, schema_id: int) -> str:
        """The schema that a message was written with, as JSON, by the id that the message carries.

        Raises:
            UndecodableError: nobody knows the id (`unknown_schema`).
            DependencyAwayError: the registry is away: wait and ask again.
        """
        ...


def subject_of(topic_name: str, record: str) -> str:
    """The subject of a record on a topic.

    Args:
        topic_name: as the broker names it.
        record: full name of the record.

    Returns:
        `TOPIC-RECORD`: several kinds of event may share a topic, each with a history of its own.
        Source: Confluent's TopicRecordNameStrategy.
    """
    return f"{topic_name}-{record}"


class PinnedSchema(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One schema that messages may carry, for ever."""

    id: int
    record: str
    version: int
    file: str
    """In the folder of the pins."""


class FileRegistry:
    """Ids pinned in `ids.json` next to the schemas: a message written today stays readable.

    Args:
        folder: has `ids.json` and the files that it names.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder

    @cached_property
    def pins(self) -> tuple[PinnedSchema, ...]:
        """All schemas that were ever released, oldest first."""
        text = (self.folder / "ids.json").read_bytes()
        return msgspec.json.decode(text, type=tuple[PinnedSchema, ...])

    @cached_property
    def _texts(self) -> dict[int, str]:
        return {pin.id: (self.folder / pin.file).read_text(encoding="utf-8") for pin in self.pins}

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {digest(text): schema_id for schema_id, text in self._texts.items()}

    def id_of(self, subject: str, schema: str) -> int:
        """The id of a pinned schema, whatever the subject; as `SchemaRegistry.id_of`."""
        found = self._ids.get(digest(schema))
        if found is None:
            raise UsageError(
                f"The schema of {subject} has no id in {self.folder / 'ids.json'}: "
                "copy it to `released/` and pin it there."
            )
        return found

    def schema_of(self, schema_id: int) -> str:
        """The pinned schema of an id; as `SchemaRegistry.schema_of`."""
        if schema_id not in self._texts:
            raise UndecodableError("unknown_schema", f"No schema has the id {schema_id}.")
        return self._texts[schema_id]
