"""Batches of facts: full by rows or by age, of one topic-partition, contiguous offsets and one token."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from sinks.rows import WRITE_ORDER, Origin, Row, TableRow, columns_of


class BatchOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a batch is written."""

    max_rows: int = 10_000
    """Rows of all tables together."""
    max_age_s: float = 1.0
    """Age of its first row, s."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of the facts with offsets [lo, hi) of one topic-partition, in the order to write them."""

    token: str
    tables: tuple[tuple[str, Mapping[str, Sequence[Any]]], ...]

    @property
    def row_counts(self) -> dict[str, int]:
        """Rows by table."""
        return {table: len(next(iter(columns.values()))) for table, columns in self.tables}


class Batcher:
    """Gathers the rows of one topic-partition until they make a batch.

    Args:
        options: rows and age.
        source: what the tokens begin with: it must differ between two runs whose offsets both begin at 0.
        clock: seconds that only grow.
    """

    def __init__(self, options: BatchOptions, *, source: str, clock: Callable[[], float]) -> None:
        self._options = options
        self._source = source
        self._clock = clock
        self._rows: dict[str, list[Row]] = {}
        self._count = 0
        self._first: Origin | None = None
        self._last: Origin | None = None
        self._since = 0.0

    def add(self, rows: Sequence[TableRow], origin: Origin) -> None:
        """Gather the rows of one fact.

        Args:
            rows: its rows.
            origin: where it came from; one after the last one's.
        """
        if self._first is None:
            self._first, self._since = origin, self._clock()
        self._last = origin
        for row in rows:
            self._rows.setdefault(row.table, []).append(row.values)
        self._count += len(rows)

    @property
    def due(self) -> bool:
        """Whether the batch is full or old enough."""
        if self._first is None:
            return False
        old = self._clock() - self._since >= self._options.max_age_s
        return old or self._count >= self._options.max_rows

    def take(self) -> Batch | None:
        """End the batch and begin another.

        Returns:
            What was gathered, None when that is nothing.
        """
        first, last = self._first, self._last
        if first is None or last is None:
            return None
        tables = tuple((name, columns_of(self._rows[name])) for name in WRITE_ORDER if name in self._rows)
        token = f"{self._source}:{first.topic}:{first.partition}:{first.offset}-{last.offset + 1}"
        self._rows, self._count, self._first, self._last = {}, 0, None, None
        return Batch(token=token, tables=tables)
