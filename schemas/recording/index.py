"""The index beside a recording's file: which times and offsets each block holds; it can be made again."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from schemas.errors import CheckFailedError
from schemas.foreign import open_plain
from schemas.recording.blocks import SYNC_BYTES, Header, TornError, blocks_from, body_of, read_header
from schemas.recording.records import RecordCodec, Recorded, Unreadable
from schemas.topics import Topic

Pulse = Callable[[], None]
_CHUNK_BYTES = 1024 * 1024
_LINE_BYTES = 4 * 1024 * 1024
"""No line of an index is longer: it has a span for each partition."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """The offsets of one partition: `count` of them, from `first` to `last`."""

    first: int
    last: int
    count: int


class Summary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What some records have in common: those of a block, of a file, of a topic."""

    records: int = 0
    unreadable: int = 0
    t_first_us: int | None = None
    """Earliest event time, us UTC; None when no record has one."""
    t_last_us: int | None = None
    arrived_first_us: int | None = None
    arrived_last_us: int | None = None
    partitions: dict[int, Span] = {}


class BlockNote(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an index."""

    start: int
    """Byte at which the block begins."""
    end: int
    summary: Summary


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a file after looking at it."""

    header: Header | None
    """None: it ends within its header."""
    notes: list[BlockNote]
    torn_bytes: int = 0
    """Of the block that was being written when the writer died."""

    @property
    def whole_bytes(self) -> int:
        """How long the file is without its torn end."""
        if self.header is None:
            return 0
        return self.notes[-1].end if self.notes else self.header.end


def index_path(path: Path) -> Path:
    """The path of a file's index, beside it."""
    return path.with_suffix(".idx")


def summary_of(records: Iterable[Recorded]) -> Summary:
    """The number, times and offsets of records of one topic, in order."""
    return summed(_alone(record) for record in records)


def summed(parts: Iterable[Summary]) -> Summary:
    """Several summaries, in order, as one."""
    total = Summary()
    for part in parts:
        total = Summary(
            records=total.records + part.records,
            unreadable=total.unreadable + part.unreadable,
            t_first_us=_least(total.t_first_us, part.t_first_us),
            t_last_us=_most(total.t_last_us, part.t_last_us),
            arrived_first_us=_least(total.arrived_first_us, part.arrived_first_us),
            arrived_last_us=_most(total.arrived_last_us, part.arrived_last_us),
            partitions=_joined(total.partitions, part.partitions),
        )
    return total


def scanned(path: Path, topic: Topic, pulse: Pulse = lambda: None) -> Scan:
    """Look at a file, perhaps torn: its index, and block by block what the index does not have.

    Args:
        path: the file.
        topic: of its messages.
        pulse: called again and again while it takes long; what it raises ends the reading.

    Raises:
        CheckFailedError: it is damaged elsewhere than at its end.
    """
    with open_plain(path) as file:
        size_bytes = file.seek(0, 2)
        try:
            header = read_header(file)
        except TornError:
            return Scan(header=None, notes=[], torn_bytes=size_bytes)
        scan = Scan(header=header, notes=_known(file, index_path(path), header, size_bytes))
        try:
            for note in _looked_at(file, scan.whole_bytes, header, topic):
                pulse()
                scan.notes.append(note)
        except TornError:
            pass
        except CheckFailedError:
            if not _is_blank(file, scan.whole_bytes, pulse):
                raise
        else:
            return scan
        return msgspec.structs.replace(scan, torn_bytes=size_bytes - scan.whole_bytes)


def _is_blank(file: BinaryIO, start: int, pulse: Pulse) -> bool:
    """Whether only zeros follow: a disk that lost its power may keep a file's length and not its end."""
    file.seek(start)
    while chunk := file.read(_CHUNK_BYTES):
        pulse()
        if chunk.strip(b"\0"):
            return False
    return True


def _looked_at(file: BinaryIO, start: int, header: Header, topic: Topic) -> Iterator[BlockNote]:
    codec = RecordCodec(topic, header.schema)
    for block in blocks_from(file, start, header.sync):
        records = codec.decode(body_of(file, block, header.codec), block.count)
        yield BlockNote(start=block.start, end=block.end, summary=summary_of(records))


def _known(file: BinaryIO, index: Path, header: Header, size_bytes: int) -> list[BlockNote]:
    """The notes that fit the file; the index is written after the block, and not as carefully."""
    notes: list[BlockNote] = []
    at = header.end
    for line in _lines(index):
        try:
            note = msgspec.json.decode(line, type=BlockNote)
        except msgspec.MsgspecError:
            break
        if note.start != at or note.end > size_bytes:
            break
        notes.append(note)
        at = note.end
    while notes and not _ends_block(file, notes[-1], header.sync):
        notes.pop()
    return notes


def _lines(index: Path) -> Iterator[bytes]:
    """The lines of an index, none if there is none; one that is too long is the last."""
    if not index.exists():
        return
    with open_plain(index) as file:
        while line := file.readline(_LINE_BYTES):
            yield line


def _ends_block(file: BinaryIO, note: BlockNote, sync: bytes) -> bool:
    file.seek(note.end - SYNC_BYTES)
    return file.read(SYNC_BYTES) == sync


def records_in(file: BinaryIO, scan: Scan, note: BlockNote, codec: RecordCodec) -> Iterator[Recorded]:
    """The records of one block of a scanned file; the codec was made for its schema.

    Raises:
        CheckFailedError: the block is damaged.
    """
    header = scan.header
    if header is None:
        raise CheckFailedError("it has no header")
    for block in blocks_from(file, note.start, header.sync):
        yield from codec.decode(body_of(file, block, header.codec), block.count)
        return


def gaps(summaries: Iterable[Summary]) -> Iterator[tuple[int, int, int]]:
    """Where offsets are missing or come twice between files or blocks in order.

    Yields:
        Partition, the offset that should have come, the one that came.
    """
    wanted: dict[int, int] = {}
    for summary in summaries:
        for partition, span in summary.partitions.items():
            if span.first != wanted.get(partition, span.first):
                yield partition, wanted[partition], span.first
            wanted[partition] = span.last + 1


def _alone(record: Recorded) -> Summary:
    offset = record.offset
    t_us = record.t_us
    return Summary(
        records=1,
        unreadable=1 if isinstance(record.event, Unreadable) else 0,
        t_first_us=t_us,
        t_last_us=t_us,
        arrived_first_us=record.arrived_us,
        arrived_last_us=record.arrived_us,
        partitions={record.partition: Span(first=offset, last=offset, count=1)},
    )


def _joined(one: dict[int, Span], two: dict[int, Span]) -> dict[int, Span]:
    found = dict(one)
    for partition, span in two.items():
        known = found.get(partition, span)
        count = span.count + (known.count if partition in one else 0)
        found[partition] = Span(
            first=min(known.first, span.first), last=max(known.last, span.last), count=count
        )
    return found


def _least(one: int | None, two: int | None) -> int | None:
    return two if one is None else one if two is None else min(one, two)


def _most(one: int | None, two: int | None) -> int | None:
    return two if one is None else one if two is None else max(one, two)
