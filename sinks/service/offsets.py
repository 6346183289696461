"""Offsets as values: the intent in a commit's metadata, and where reading starts after an assignment."""

import msgspec

from schemas.errors import CheckFailedError
from sinks.service.feed import Bounds, Committed, TopicPartition
from sinks.store.identity import Identity


class Note(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The metadata of a commit. With `hi` it is an intent: a batch [offset, hi) has been begun."""

    hi: int | None = None
    at_us: int = 0
    """Wall clock of the batch, us UTC: who ends it judges its messages by the same clock."""
    topic: str = ""
    """Incarnation of the topic that the offset counts in."""
    database: Identity | None = None
    """That the group writes to; None: an older version did not say."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """How far the database has a partition."""

    hi: int | None = None
    """Below it it has everything; None: it has nothing of this incarnation of the topic."""
    before: int = 0
    """The highest of the topics that had this name before."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a partition when it is taken over."""

    tp: TopicPartition
    incarnation: str
    committed: Committed | None
    bounds: Bounds
    written: Written


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """Where to go on."""

    lo: int
    """First offset of the next batch."""
    read_from: int
    """First offset to read: more than `lo` when the start of a batch to be ended is gone."""
    heal: Note | None = None
    """The intent of a batch that somebody has begun."""
    skipped: int = 0
    """Messages not read because they are written: the group's offset had been set back."""
    expired: int = 0
    """Messages that nobody has written and that are gone."""
    missing_from: int | None = None
    """From here on rows are missing that the group has committed: so far the database has them, or, where it
    has nothing, the topic begins."""
    careful_until: int = 0
    """Below this offset every fact is looked for in the database: it may have come by a topic before this."""


def note_of(text: str) -> Note:
    """Read the metadata of anybody's commit; an empty note when it is not ours."""
    try:
        return msgspec.json.decode(text.encode(), type=Note)
    except (msgspec.DecodeError, UnicodeError):
        return Note()


def commit_of(offset: int, note: Note) -> Committed:
    """A commit with its metadata, for `Feed.commit`."""
    return Committed(offset=offset, note=msgspec.json.encode(note).decode())


def start_of(known: Known) -> Start:
    """Where to go on with a partition; the heart of the exactly-once effect.

    Returns:
        The batch to be ended, or the first offset that is not written.

    Raises:
        CheckFailedError: the partition ends before what is written: the brokers have lost messages.
    """
    begin, written_hi = known.bounds.begin, known.written.hi or 0
    committed, note = known.committed, note_of(known.committed.note if known.committed else "")
    if committed is None or note.topic not in ("", known.incarnation):
        _check_end(known, written_hi)
        lo = max(begin, written_hi)
        before = max(known.written.before, committed.offset if committed else 0)
        return Start(lo=lo, read_from=lo, skipped=lo - begin, careful_until=before)
    _check_end(known, max(committed.offset, written_hi))
    missing_from = begin if known.written.hi is None else written_hi
    missing = missing_from if missing_from < committed.offset else None
    if note.hi is not None and note.hi > max(begin, written_hi):
        read_from = max(committed.offset, begin)
        return Start(
            lo=committed.offset,
            read_from=read_from,
            heal=note,
            expired=read_from - committed.offset,
            missing_from=missing,
            careful_until=known.written.before,
        )
    lo = max(committed.offset, written_hi)
    return Start(
        lo=max(lo, begin),
        read_from=max(lo, begin),
        skipped=lo - committed.offset,
        expired=max(0, begin - lo),
        missing_from=missing,
        careful_until=known.written.before,
    )


def _check_end(known: Known, reached: int) -> None:
    topic, partition = known.tp
    if known.bounds.end < reached:
        raise CheckFailedError(
            f"{topic} partition {partition} ends at offset {known.bounds.end}, but {reached} was reached: "
            "the brokers have lost messages. To write what comes now, raise `sink.epoch` in the "
            "configuration by one and set the group's offset of the partition to where it is to begin"
        )
