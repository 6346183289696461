"""Gathers the messages of one partition until they make a batch: contiguous offsets, one token."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from schemas.events import DeadLetter
from sinks.facts.kinds import rows_in
from sinks.service.feed import TopicPartition
from sinks.service.offsets import Start
from sinks.service.options import BatchOptions


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One message, read: a fact for the tables, or a letter for the dead."""

    offset: int
    fact: Any
    """None when it is set aside."""
    letter: DeadLetter | None = None
    size_bytes: int
    captured_us: int | None = None
    repeated: bool = False
    origin: tuple[bytes | None, bytes | None] = (None, None)
    """Key and value, kept for the letter of a fact that the database refuses."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """The messages [lo, hi) of one partition, to be written under one token."""

    tp: TopicPartition
    incarnation: str
    lo: int
    hi: int
    at_us: int
    """Wall clock when it was sealed, us UTC."""
    entries: Sequence[Entry]
    healed: bool = False
    """Somebody else has begun it."""
    careful: bool = False
    """Look for every fact in the database, not only for those that say that they come again."""

    @property
    def token(self) -> str:
        """Stands for this batch in every table: whoever writes it again changes nothing."""
        topic, partition = self.tp
        return f"{topic}:{self.incarnation}:{partition}:{self.lo}-{self.hi}"


class Gathering:
    """The messages of one partition that no batch holds yet.

    Args:
        tp: topic and partition.
        incarnation: which topic of that name.
        start: where it begins, and the batch to be ended first.
        options: when a batch is due.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        tp: TopicPartition,
        incarnation: str,
        start: Start,
        *,
        options: BatchOptions,
        clock: Callable[[], float],
    ) -> None:
        self.tp = tp
        self.incarnation = incarnation
        self.lo = start.lo
        self.reached = start.read_from
        """The offset expected next."""
        self._heal = start.heal
        self._options = options
        self._clock = clock
        self._careful = True
        self._careful_until = start.careful_until
        self._entries: list[Entry] = []
        self._rows = 0
        self._bytes = 0
        self._since_s: float | None = None

    def add(self, entry: Entry) -> None:
        """Take the next message; its offset is higher than that of the one before."""
        if self._since_s is None:
            self._since_s = self._clock()
        self._entries.append(entry)
        self._rows += rows_in(entry.fact)
        self._bytes += entry.size_bytes
        self.reached = entry.offset + 1

    def passed(self, position: int | None) -> None:
        """Hear how far the partition has been read, also over offsets without a message."""
        self.reached = max(self.reached, position or 0)

    @property
    def healing(self) -> bool:
        """Whether a batch that somebody has begun is to be ended first."""
        return self._heal is not None

    @property
    def due_in_s(self) -> float | None:
        """Seconds until `take` gives a batch if nothing else comes, at most 0 when it is due; None: never."""
        if self._heal is not None:
            return 0.0 if self.reached >= (self._heal.hi or 0) else None
        if self._since_s is None:
            return None
        if self._rows >= self._options.max_rows or self._bytes >= self._options.max_bytes:
            return 0.0
        return self._since_s + self._options.max_age_s - self._clock()

    def take(self, now_us: int) -> Batch | None:
        """End the batch and begin another.

        Returns:
            A batch; None when nothing was gathered, or a batch to be ended is not whole yet.
        """
        heal = self._heal
        if heal is None or heal.hi is None:
            return self._cut(self._entries[-1].offset + 1, now_us, healed=False) if self._entries else None
        if self.reached < heal.hi:
            return None
        self._heal = None
        return self._cut(heal.hi, heal.at_us, healed=True)

    def _cut(self, hi: int, at_us: int, *, healed: bool) -> Batch:
        inside = [entry for entry in self._entries if entry.offset < hi]
        rest = self._entries[len(inside) :]
        batch = Batch(
            tp=self.tp,
            incarnation=self.incarnation,
            lo=self.lo,
            hi=hi,
            at_us=at_us,
            entries=inside,
            healed=healed,
            careful=healed or self._careful or self.lo < self._careful_until,
        )
        self._careful = healed
        self.lo, self._entries = hi, rest
        self._rows = sum(rows_in(entry.fact) for entry in rest)
        self._bytes = sum(entry.size_bytes for entry in rest)
        self._since_s = self._clock() if rest else None
        return batch
