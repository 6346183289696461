"""One file of a recording while it is written: durable blocks, an index beside them, a digest at the end."""

import hashlib
import os
from pathlib import Path
from typing import Any

import msgspec

from schemas.durable import sync_folder
from schemas.errors import UsageError
from schemas.files import naming
from schemas.foreign import no_link
from schemas.recording.blocks import SYNC_BYTES, block_bytes
from schemas.recording.index import BlockNote, Pulse, Summary, index_path, scanned, summary_of, summed
from schemas.recording.manifest import FileNote
from schemas.recording.records import RecordCodec, Recorded, file_header

BLOCK_BYTES = 1024 * 1024
"""Records are not gathered beyond this, bytes."""


class HourFile:
    """A topic's file of one hour, new or gone on with; a torn end is cut off first.

    Args:
        folder: of the recording.
        note: which file.
        program: version of this program, for a new file.
        pulse: called again and again while an old file is read; what it raises ends that.
    """

    def __init__(self, folder: Path, note: FileNote, program: str, pulse: Pulse = lambda: None) -> None:
        self.note = note
        self._path = folder / note.path
        self._summary = Summary()
        """Of everything that is in the file for good."""
        self._pending: list[Recorded] = []
        self._bodies: list[bytes] = []
        self._pending_bytes = 0
        self._packing = "null" if note.topic == "frames" else "deflate"
        self._codec = RecordCodec(note.topic)
        self._sync = os.urandom(SYNC_BYTES)
        self._dirty = False
        with naming(self._path):
            self.dropped_bytes = self._open(program, pulse)

    def add(self, record: Recorded) -> None:
        """Take a record of the file's topic; it lasts after `flush`."""
        body = self._codec.encode(record)
        self._pending.append(record)
        self._bodies.append(body)
        self._pending_bytes += len(body)
        if self._pending_bytes >= BLOCK_BYTES:
            self._write_block()

    def flush(self) -> None:
        """Make what was taken last.

        Raises:
            OSError: the disk is full or gone.
        """
        self._write_block()
        if self._dirty:
            with naming(self._path):
                os.fsync(self._file.fileno())
                self._index.flush()
            self._dirty = False

    def close(self) -> FileNote:
        """Make everything last; the note of a closed file, which says what it holds."""
        self.flush()
        with naming(self._path):
            size_bytes = self._file.tell()
            self._file.close()
            self._index.close()
        return msgspec.structs.replace(
            self.note,
            closed=True,
            size_bytes=size_bytes,
            sha256=self._digest.hexdigest(),
            summary=self._summary,
        )

    def _open(self, program: str, pulse: Pulse) -> int:
        """Open the file behind its last whole block; how many bytes were cut off."""
        self._path.parent.mkdir(exist_ok=True)
        if self._path.parent.is_symlink():
            raise UsageError(f"{self._path.parent} is a link: nothing is written through one. Remove it.")
        scan = scanned(self._path, self.note.topic, pulse) if self._path.exists() else None
        mode = "r+b" if scan is not None else "xb"
        self._file: Any = self._opened(self._path, mode, 0)
        self._index: Any = self._opened(index_path(self._path), "wb")
        self._digest = hashlib.sha256()
        if scan is None or scan.header is None:
            self._file.truncate(0)
            self._put(file_header(self.note.topic, self._sync, self._packing, program))
            self._dirty = True
            self.flush()
            sync_folder(self._path.parent)
            return 0 if scan is None else scan.torn_bytes
        self._sync, self._packing = scan.header.sync, scan.header.codec
        self._file.truncate(scan.whole_bytes)
        self._file.seek(0)
        self._digest = hashlib.file_digest(self._file, "sha256")
        for note in scan.notes:
            self._index.write(msgspec.json.encode(note) + b"\n")
        self._index.flush()
        self._summary = summed(note.summary for note in scan.notes)
        return scan.torn_bytes

    @staticmethod
    def _opened(path: Path, mode: str, buffering: int = -1) -> Any:
        return open(path, mode, buffering=buffering, opener=no_link)

    def _put(self, data: bytes) -> None:
        """Write all of it or nothing: a full disk must not leave half a block before the next one."""
        start = self._file.tell()
        try:
            rest = memoryview(data)
            with naming(self._path):
                while rest:
                    rest = rest[self._file.write(rest) :]
        except OSError:
            self._file.truncate(start)
            self._file.seek(start)
            raise
        self._digest.update(data)

    def _write_block(self) -> None:
        if not self._pending:
            return
        start = self._file.tell()
        self._put(block_bytes(b"".join(self._bodies), len(self._pending), self._sync, self._packing))
        summary = summary_of(self._pending)
        note = BlockNote(start=start, end=self._file.tell(), summary=summary)
        self._index.write(msgspec.json.encode(note) + b"\n")
        self._summary = summed((self._summary, summary))
        self._pending, self._bodies, self._pending_bytes = [], [], 0
        self._dirty = True
