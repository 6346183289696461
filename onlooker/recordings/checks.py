"""What a recording holds, and whether it is whole."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from onlooker.recordings.digest import StreamDigest
from schemas.errors import CheckFailedError
from schemas.foreign import open_plain
from schemas.recording.folder import Recording
from schemas.recording.index import Summary, gaps, index_path, summed
from schemas.recording.manifest import FileNote
from schemas.recording.records import Unreadable
from schemas.topics import Topic


class TopicSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording holds of one topic."""

    topic: Topic
    files: int
    size_bytes: int
    torn_bytes: int
    summary: Summary


def shown(folder: Path) -> tuple[Recording, list[TopicSummary]]:
    """A recording, and a summary of what it holds of each topic.

    Raises:
        UsageError: it is none.
        CheckFailedError: a file is damaged.
    """
    torn: dict[str, int] = {}
    recording = Recording(folder, lambda path, dropped_bytes: torn.update({str(path): dropped_bytes}))
    found = []
    for topic in recording.topics:
        files = recording.files(topic)
        paths = [folder / note.path for note in files]
        summary = summed(recording.summary(note) for note in files)
        found.append(
            TopicSummary(
                topic=topic,
                files=len(files),
                size_bytes=sum(path.stat().st_size for path in paths),
                torn_bytes=sum(torn.get(str(path), 0) for path in paths),
                summary=summary,
            )
        )
    return recording, found


def digests(folder: Path) -> dict[str, Any]:
    """The digests of what a recording holds, as `replay` computes them of what it measures.

    Returns:
        `digest` of visits and windows together, and one a topic.
    """
    recording = Recording(folder)
    digest = StreamDigest()
    for topic in recording.topics:
        for record in recording.records(topic):
            if not isinstance(record.event, Unreadable):
                digest.take(topic, record.event)
    return {"digest": digest.facts(), "digests": dict(digest.by_topic())}


def problems(folder: Path) -> Iterator[str]:
    """Read all of a recording and say what is wrong with it.

    Yields:
        A sentence for each problem; a torn end is none, because it was never said to be whole.

    Raises:
        UsageError: it is no recording.
    """
    recording = Recording(folder)
    for note in recording.manifest.files:
        path = folder / note.path
        if not path.exists():
            yield f"{note.path} is missing."
            continue
        if note.closed and (words := _changed(path, note)):
            yield words
            continue
        try:
            yield from _contradictions(recording, note)
        except CheckFailedError as error:
            yield f"{error}."
    for topic in recording.topics:
        yield from _holes(recording, topic)


def _changed(path: Path, note: FileNote) -> str | None:
    size_bytes = path.stat().st_size
    if size_bytes != note.size_bytes:
        return f"{note.path} has {size_bytes} bytes instead of {note.size_bytes}."
    with open_plain(path) as file:
        same = hashlib.file_digest(file, "sha256").hexdigest() == note.sha256
    return None if same else f"{note.path} is not what was written: its SHA-256 differs from the manifest's."


def _contradictions(recording: Recording, note: FileNote) -> Iterator[str]:
    """Read every record: the index and the manifest must say what is there."""
    said = recording.summary(note)
    counted: dict[int, int] = {}
    for record in recording.in_file(note):
        counted[record.partition] = counted.get(record.partition, 0) + 1
    if counted != {partition: span.count for partition, span in said.partitions.items()}:
        yield f"{note.path} holds other messages than its index says: remove {index_path(Path(note.path))}."


def _holes(recording: Recording, topic: Topic) -> Iterator[str]:
    if topic == "frames":
        return  # pictures are recorded for a time, and then not
    noted = [gap for gap in recording.manifest.gaps if gap.topic == topic]
    blocks = (note for file in recording.files(topic) for note in recording.scan(file).notes)
    for partition, wanted, came in gaps(note.summary for note in blocks):
        if came < wanted:
            yield f"{topic} partition {partition}: offset {came} comes again after {wanted - 1}."
        elif not any(gap.partition == partition and gap.first <= wanted and came <= gap.end for gap in noted):
            yield f"{topic} partition {partition}: offsets {wanted} to {came - 1} are missing."
