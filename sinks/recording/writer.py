"""Writes a recording: messages to the file of their topic and hour, gone on with after a kill."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import msgspec

from schemas.clocks import Clocks
from schemas.errors import UsageError
from schemas.recording.index import Pulse, Summary
from schemas.recording.manifest import (
    HOUR_US,
    NAME,
    Break,
    FileNote,
    Gap,
    Grant,
    Manifest,
    file_note,
    read_manifest,
    write_manifest,
)
from schemas.recording.records import Recorded
from schemas.topics import Topic
from sinks.ownership import Ownership
from sinks.recording.expiry import delete, without_old
from sinks.recording.hour_file import HourFile
from sinks.recording.source import TopicPartition

FLUSH_S = 1.0
"""What is younger may be lost when the machine loses its power or this process is killed."""
CLOSE_AFTER_S = 60.0
"""A file whose hour is over is closed when nothing has come for it for so long."""
MOST_OPEN = 32
"""Files; those that were written longest ago are closed."""
replace = msgspec.structs.replace


class RecordingWriter:
    """The one writer of a recording; a context, so that files are closed.

    Args:
        folder: made if need be; an earlier recording is gone on with.
        about: the manifest of a new recording; of an earlier one only what may change is taken.
        clock: of this machine.
        pulse: called again and again while earlier files are read; what it raises ends that.

    Raises:
        UsageError: another process writes there, the recording is of another source, or of a version to come.
        CheckFailedError: a file of it is damaged.
    """

    def __init__(self, folder: Path, about: Manifest, clock: Clocks, pulse: Pulse = lambda: None) -> None:
        self._folder = folder
        self._clock = clock
        self._pulse = pulse
        self._owner = Ownership(folder / "lock")
        self._owner.take()
        self._open: dict[tuple[Topic, int], HourFile] = {}
        self._written_s: dict[tuple[Topic, int], float] = {}
        self._hours: dict[TopicPartition, int] = {}
        self._next: dict[TopicPartition, int] = {}
        self._flushed_s = clock.monotonic_s()
        try:
            self._manifest = self._begun(about)
            self._mend()
        except BaseException:
            self._owner.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *trouble: object) -> None:
        try:
            self.close()
        finally:
            self._owner.release()

    @property
    def manifest(self) -> Manifest:
        """As it is now."""
        return self._manifest

    @property
    def positions(self) -> Mapping[TopicPartition, int]:
        """By topic and partition, the offset after the last that was recorded."""
        return self._next

    def add(self, record: Recorded) -> bool:
        """Take the next message of its partition; it lasts within a second of `tick`s.

        Returns:
            False when the recording had it.
        """
        tp = (record.topic, record.partition)
        if record.offset < self._next.get(tp, 0):
            return False
        # One that is stamped earlier than the one before it stays behind it: offsets rise from file to file.
        hour_us = max(record.arrived_us // HOUR_US * HOUR_US, self._hours.get(tp, 0))
        self._file(record.topic, hour_us).add(record)
        self._written_s[record.topic, hour_us] = self._clock.monotonic_s()
        self._hours[tp] = hour_us
        self._next[tp] = record.offset + 1
        return True

    def tick(self) -> None:
        """Make what was taken last, once a second.

        Raises:
            OSError: the disk is full or gone.
        """
        if self._clock.monotonic_s() - self._flushed_s >= FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Make what was taken last, now."""
        for file in self._open.values():
            file.flush()
        self._flushed_s = self._clock.monotonic_s()
        self._close_idle()

    def expire(self, before_us: int) -> int:
        """Delete the hours that ended before an instant, save those still written; how many files went."""
        manifest, gone = without_old(self._manifest, before_us, self._clock.now_us())
        if gone:
            self._write(manifest)
            delete(self._folder, gone)
        return len(gone)

    def note_begins(self, begins: Mapping[TopicPartition, int]) -> None:
        """Write down where recording begins, so that a writer killed before the first message loses none."""
        known = self._manifest.begins
        fresh = {f"{topic}/{number}": at for (topic, number), at in begins.items()}
        self._write(replace(self._manifest, begins={**fresh, **known}))

    def note_grant(self, grant: Grant) -> None:
        """Write down that pictures may be recorded, before the first one is."""
        self._write(replace(self._manifest, grants=(*self._manifest.grants, grant)))

    def note_gap(self, gap: Gap) -> None:
        """Write down that the source has lost messages."""
        self._write(replace(self._manifest, gaps=(*self._manifest.gaps, gap)))

    def left_out(self, cause: str) -> None:
        """Count a message not recorded, by cause; written down when a file is opened or closed."""
        counts = {**self._manifest.left_out, cause: self._manifest.left_out.get(cause, 0) + 1}
        self._manifest = replace(self._manifest, left_out=counts)

    def close(self) -> None:
        """Close all files and say what is in them."""
        for key in list(self._open):
            self._close_file(key)
        self._write(self._manifest)

    def _begun(self, about: Manifest) -> Manifest:
        if not (self._folder / NAME).exists():
            write_manifest(self._folder, about)
            return about
        found = read_manifest(self._folder)
        if found.source != about.source or about.source == "run":
            raise UsageError(
                f"{self._folder} holds a recording already, and a run in one process begins a new one: "
                "name another folder."
            )
        for topic, topic_id in about.topics.items():
            if found.topics.get(topic, topic_id) != topic_id:
                raise UsageError(
                    f"The topic {topic} is another one than {self._folder} was recorded from: it was made "
                    "anew, or on another cluster. Name another folder."
                )
        return replace(
            found,
            topics={**found.topics, **about.topics},
            program_version=about.program_version,
            metric_versions=about.metric_versions,
            models=about.models,
            git_revision=about.git_revision,
            configuration=about.configuration,
        )

    def _mend(self) -> None:
        """Close what an earlier writer left open, and find out where to go on."""
        for note in sorted(self._manifest.files, key=lambda note: note.hour_us):
            if not note.closed and not (self._folder / note.path).exists():
                files = tuple(each for each in self._manifest.files if each.path != note.path)
                self._manifest = replace(self._manifest, files=files)
            elif not note.closed:
                self._reopen(note)
                self._close_file((note.topic, note.hour_us))
        for expired in self._manifest.expired:
            for partition, last in expired.partitions.items():
                self._know(expired.topic, expired.hour_us, partition, last)
        for note in self._manifest.files:
            for partition, span in (note.summary or Summary()).partitions.items():
                self._know(note.topic, note.hour_us, partition, span.last)

    def _know(self, topic: Topic, hour_us: int, partition: int, last: int) -> None:
        tp = (topic, partition)
        self._next[tp] = max(self._next.get(tp, 0), last + 1)
        self._hours[tp] = max(self._hours.get(tp, 0), hour_us)

    def _file(self, topic: Topic, hour_us: int) -> HourFile:
        key = (topic, hour_us)
        found = self._open.pop(key, None)
        if found is None:
            while len(self._open) >= MOST_OPEN:
                self._close_file(next(iter(self._open)))
            note = file_note(topic, hour_us)
            if all(each.closed or each.path != note.path for each in self._manifest.files):
                self._put_note(note)
            found = self._reopen(note)
        self._open[key] = found
        return found

    def _reopen(self, note: FileNote) -> HourFile:
        file = HourFile(self._folder, note, self._manifest.program_version, self._pulse)
        if file.dropped_bytes:
            seen_us = self._clock.now_us()
            torn = Break(path=note.path, dropped_bytes=file.dropped_bytes, seen_us=seen_us)
            self._write(replace(self._manifest, breaks=(*self._manifest.breaks, torn)))
        self._open[note.topic, note.hour_us] = file
        return file

    def _close_idle(self) -> None:
        now_us, now_s = self._clock.now_us(), self._clock.monotonic_s()
        for topic, hour_us in list(self._open):
            idle_s = now_s - self._written_s.get((topic, hour_us), now_s)
            if hour_us + HOUR_US < now_us and idle_s > CLOSE_AFTER_S:
                self._close_file((topic, hour_us))

    def _close_file(self, key: tuple[Topic, int]) -> None:
        self._written_s.pop(key, None)
        self._put_note(self._open.pop(key).close())

    def _put_note(self, note: FileNote) -> None:
        others = [each for each in self._manifest.files if each.path != note.path]
        files = tuple(sorted((*others, note), key=lambda each: each.path))
        self._write(replace(self._manifest, files=files))

    def _write(self, manifest: Manifest) -> None:
        self._manifest = manifest
        write_manifest(self._folder, manifest)
