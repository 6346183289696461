"""A recording as its readers see it: the messages of a topic in recorded order, from any time on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from schemas.errors import CheckFailedError, OnlookerError
from schemas.foreign import open_plain
from schemas.recording.index import Pulse, Scan, Summary, records_in, scanned, summed
from schemas.recording.manifest import FileNote, Manifest, read_manifest
from schemas.recording.records import RecordCodec, Recorded
from schemas.topics import TOPICS, Topic

Torn = Callable[[Path, int], None]
"""Hears of a file that ends in a torn block, and of how many bytes of it were dropped."""


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """Event times [from, until), us UTC; None: no limit."""

    from_us: int | None = None
    until_us: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether there are no limits."""
        return self.from_us is None and self.until_us is None

    def holds(self, t_us: int | None) -> bool:
        """Whether an event time is in it; what has none is in it only where there are no limits."""
        if t_us is None:
            return self.is_open
        return (self.from_us is None or t_us >= self.from_us) and (
            self.until_us is None or t_us < self.until_us
        )

    def may_touch(self, summary: Summary | None) -> bool:
        """Whether an event time in it may be among those of a summary; None: nobody has looked."""
        if summary is None or summary.t_first_us is None or summary.t_last_us is None:
            return True
        return (self.from_us is None or summary.t_last_us >= self.from_us) and (
            self.until_us is None or summary.t_first_us < self.until_us
        )


class ReadingStoppedError(OnlookerError):
    """Nobody wants more of a recording: a pulse may raise it."""


class Recording:
    """A folder with a recording, open for reading; its writer may still be at work, or dead.

    Args:
        folder: where it is.
        torn: hears of torn ends.
        pulse: called with every message and block that is read, wanted or not; what it raises ends reading.

    Raises:
        UsageError: it is none, or of a version to come.
    """

    def __init__(self, folder: Path, torn: Torn | None = None, pulse: Pulse = lambda: None) -> None:
        self.folder = folder
        self.manifest: Manifest = read_manifest(folder)
        self._torn = torn
        self._pulse = pulse
        self._told: set[Path] = set()

    @property
    def topics(self) -> tuple[Topic, ...]:
        """Those that have a file."""
        there = {note.topic for note in self.manifest.files}
        return tuple(topic for topic in TOPICS if topic in there)

    def files(self, topic: Topic) -> list[FileNote]:
        """The files of a topic that are there, by hour."""
        found = [note for note in self.manifest.files if note.topic == topic]
        return sorted((n for n in found if (self.folder / n.path).exists()), key=lambda note: note.hour_us)

    def scan(self, note: FileNote) -> Scan:
        """Look at one of `files`: its blocks; a torn end is told, once a file.

        Raises:
            CheckFailedError: it is damaged.
        """
        path = self.folder / note.path
        try:
            scan = scanned(path, note.topic, self._pulse)
        except CheckFailedError as error:
            raise CheckFailedError(f"{path}: {error}") from error
        if scan.torn_bytes and path not in self._told:
            self._told.add(path)
            if self._torn is not None:
                self._torn(path, scan.torn_bytes)
        return scan

    def summary(self, note: FileNote) -> Summary:
        """What is in one of `files`: looked up where it is closed, looked at where it is not."""
        if note.closed and note.summary is not None:
            return note.summary
        return summed(block.summary for block in self.scan(note).notes)

    def records(self, topic: Topic, within: Range | None = None) -> Iterator[Recorded]:
        """The messages of a topic in recorded order, one block in memory at a time.

        Args:
            topic: its kind.
            within: only event times in it; blocks without such are skipped unread.

        Yields:
            Each; those without event time only where there are no limits.

        Raises:
            CheckFailedError: a file is damaged.
        """
        limits = within or Range()
        for note in self.files(topic):
            if note.closed and not limits.may_touch(note.summary):
                continue
            found = self.in_file(note, limits)
            yield from found if limits.is_open else (each for each in found if limits.holds(each.t_us))

    def in_file(self, note: FileNote, limits: Range | None = None) -> Iterator[Recorded]:
        """The messages of one file.

        Args:
            note: one of `files`.
            limits: blocks without an event time in them are skipped unread.

        Yields:
            Each message of the other blocks.

        Raises:
            CheckFailedError: it is damaged.
        """
        limits = limits or Range()
        scan = self.scan(note)
        if scan.header is None:
            return
        path = self.folder / note.path
        try:
            codec = RecordCodec(note.topic, scan.header.schema)
            with open_plain(path) as file:
                for block in scan.notes:
                    self._pulse()
                    if limits.may_touch(block.summary):
                        for record in records_in(file, scan, block, codec):
                            self._pulse()
                            yield record
        except CheckFailedError as error:
            raise CheckFailedError(f"{path}: {error}") from error
