"""The manifest of a recording: what made it, what it holds, what it lost, and who allowed pictures."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from schemas.durable import write_whole
from schemas.errors import UsageError
from schemas.foreign import read_bounded
from schemas.recording.index import Summary
from schemas.recording.records import FORMAT_VERSION
from schemas.topics import Topic
from schemas.units import US_PER_S

NAME = "manifest.json"
HOUR_US = 3_600_000_000
MOST_BYTES = 256 * 1024 * 1024
"""Years of all topics fit; of a larger file nothing is believed."""
FilePath = Annotated[str, msgspec.Meta(pattern=r"^[a-z_]+/\d{4,5}-\d\d-\d\dT\d\d\.avro\Z", max_length=100)]
"""Where a file of a recording lies, relative to it: `TOPIC/HOUR.avro`, and nowhere else."""


class FileNote(msgspec.Struct, frozen=True, kw_only=True):
    """One file: a topic's messages that arrived within one hour."""

    path: FilePath
    topic: Topic
    hour_us: int
    """Begin of the hour, us UTC."""
    closed: bool = False
    """False while it is written: then nothing below is said."""
    size_bytes: int | None = None
    sha256: str | None = None
    summary: Summary | None = None


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Leave to record pictures, for a time, for a reason."""

    reason: str
    granted_us: int
    """Wall clock, us UTC."""
    by: str
    """Who gave it: the user of the operating system."""
    from_us: int
    """Pictures that arrived in [from, until) may be recorded, us UTC."""
    until_us: int
    faces_blurred: bool = False


class Break(msgspec.Struct, frozen=True, kw_only=True):
    """A writer that was killed, seen by the next one."""

    path: FilePath
    dropped_bytes: int
    """Of the block that was torn; its messages were recorded again where the source still had them."""
    seen_us: int


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that the source no longer had when the recorder came to them: offsets [first, end)."""

    topic: Topic
    partition: int
    first: int
    end: int
    seen_us: int


class Expired(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was deleted because it was old."""

    path: FilePath
    topic: Topic
    hour_us: int
    expired_us: int
    records: int
    partitions: dict[int, int] = {}
    """The last offset of each partition in it."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What `manifest.json` says."""

    format_version: int = FORMAT_VERSION
    program_version: str
    source: Literal["kafka", "run"]
    created_us: int
    topics: dict[str, str] = {}
    """Kind of topic -> the brokers' id of it; empty for a run in one process."""
    metric_versions: dict[str, str] = {}
    """By stand."""
    models: dict[str, str] = {}
    """SHA-256 of each model file, by stage; of those that are prepared here."""
    git_revision: str | None = None
    begins: dict[str, int] = {}
    """`TOPIC/PARTITION` -> the offset at which recording began, before anything had come."""
    configuration: Any = None
    """Without secrets."""
    files: tuple[FileNote, ...] = ()
    grants: tuple[Grant, ...] = ()
    breaks: tuple[Break, ...] = ()
    gaps: tuple[Gap, ...] = ()
    expired: tuple[Expired, ...] = ()
    left_out: dict[str, int] = {}
    """Messages that were not recorded, by cause: pictures outside a grant, or that could not be blurred."""


class _Versioned(msgspec.Struct):
    format_version: int
    program_version: str = "?"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a recording.

    Raises:
        UsageError: there is none, it is of a version to come, it is damaged, or names files that are not its
            own: what a stranger wrote must not say what is read or deleted here.
    """
    path = folder / NAME
    try:
        text = read_bounded(path, MOST_BYTES, "manifest of a recording")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(f"{folder} is no recording: it has no {NAME}.") from error
    try:
        made = msgspec.json.decode(text, type=_Versioned)
        if made.format_version > FORMAT_VERSION:
            raise UsageError(
                f"The recording {folder} has format {made.format_version}, written by onlooker "
                f"{made.program_version}; this program reads formats up to {FORMAT_VERSION}: "
                "use a newer onlooker."
            )
        manifest = msgspec.json.decode(text, type=Manifest)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UsageError(f"{path} is no manifest of a recording: {error}.") from error
    _require_inside(folder, manifest)
    return manifest


def _require_inside(folder: Path, manifest: Manifest) -> None:
    """Refuse files that are links that lead elsewhere, or in a folder that is one."""
    root = folder.resolve()
    paths = {folder / path for path in _paths(manifest)}
    indices = {path.with_suffix(".idx") for path in paths}
    links = {path for path in paths | indices if path.is_symlink()}
    for path in sorted(links | {path.parent for path in paths}):
        if not path.resolve().is_relative_to(root):
            raise UsageError(f"{path} lies outside of the recording: one that does so is not opened.")


def _paths(manifest: Manifest) -> list[str]:
    return [*(note.path for note in manifest.files), *(each.path for each in manifest.expired)]


def file_note(topic: Topic, hour_us: int) -> FileNote:
    """The note of a file that is not begun yet, with a path that says topic and hour."""
    hour = datetime.fromtimestamp(hour_us // US_PER_S, UTC).strftime("%Y-%m-%dT%H")
    return FileNote(path=f"{topic}/{hour}.avro", topic=topic, hour_us=hour_us)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest in a folder that is there; whoever reads sees the old one or the new one."""
    write_whole(folder / NAME, msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
