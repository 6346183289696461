"""The end of what is old in a recording: files deleted, and the manifest honest about it."""

from pathlib import Path

import msgspec

from schemas.recording.folder import Recording
from schemas.recording.index import Summary, index_path
from schemas.recording.manifest import HOUR_US, Expired, FileNote, Manifest, write_manifest
from sinks.ownership import Ownership


def expired(folder: Path, before_us: int, now_us: int) -> list[Expired]:
    """Delete the hours of a recording that ended before an instant; nobody may be writing to it.

    Returns:
        What was deleted.

    Raises:
        UsageError: it is no recording, or in use: whoever writes it may do this itself.
    """
    Recording(folder)
    with Ownership(folder / "lock"):
        recording = Recording(folder)
        manifest, gone = without_old(recording.manifest, before_us, now_us, recording=recording)
        if gone:
            write_manifest(folder, manifest)
        delete(folder, gone)
    return gone


def without_old(
    manifest: Manifest, before_us: int, now_us: int, *, recording: Recording | None = None
) -> tuple[Manifest, list[Expired]]:
    """A manifest without what is old; files that are open stay.

    Args:
        manifest: of a recording.
        before_us: hours that ended by then are old, us UTC.
        now_us: wall clock, us UTC.
        recording: to look into files that were left open; None: they stay.

    Returns:
        What is left, and what goes.
    """
    old = [
        note
        for note in manifest.files
        if note.hour_us + HOUR_US <= before_us and (note.closed or recording is not None)
    ]
    gone = [_epitaph(note, recording, now_us) for note in old]
    left = tuple(note for note in manifest.files if note not in old)
    return msgspec.structs.replace(manifest, files=left, expired=(*manifest.expired, *gone)), gone


def delete(folder: Path, gone: list[Expired]) -> None:
    """Delete files that the manifest does not name any more."""
    for each in gone:
        (folder / each.path).unlink(missing_ok=True)
        index_path(folder / each.path).unlink(missing_ok=True)


def _epitaph(note: FileNote, recording: Recording | None, now_us: int) -> Expired:
    summary = note.summary if note.closed else None
    if summary is None and recording is not None and (recording.folder / note.path).exists():
        summary = recording.summary(note)
    found = summary or Summary()
    return Expired(
        path=note.path,
        topic=note.topic,
        hour_us=note.hour_us,
        expired_us=now_us,
        records=found.records,
        partitions={partition: span.last for partition, span in found.partitions.items()},
    )
