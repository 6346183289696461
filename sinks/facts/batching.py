"""Batches of an embedded run: full by rows or by age, of one topic, with one token."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from schemas.kinds import kinds
from sinks.facts.columns import tables_of
from sinks.facts.kinds import SourcedFact, rows_in


class BatchOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a batch is written."""

    max_rows: int = 10_000
    """Rows of all tables together."""
    max_age_s: float = 1.0
    """Age of its first row, s."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of consecutive facts, in the order to write them."""

    token: str
    tables: tuple[tuple[str, Mapping[str, Sequence[Any]]], ...]

    @property
    def row_counts(self) -> dict[str, int]:
        """Rows by table."""
        return {table: len(next(iter(columns.values()))) for table, columns in self.tables}


class Batcher:
    """Gathers facts until they make a batch.

    Args:
        options: rows and age.
        source: what the tokens begin with: it must differ between two runs whose offsets both begin at 0.
        clock: seconds that only grow.
    """

    def __init__(self, options: BatchOptions, *, source: str, clock: Callable[[], float]) -> None:
        self._options = options
        self._source = source
        self._clock = clock
        self._facts: list[SourcedFact] = []
        self._rows = 0
        self._since_s = 0.0

    def add(self, fact: Any, offset: int) -> None:
        """Gather one fact.

        Args:
            fact: what a stage made.
            offset: one more than the last one's.
        """
        if not self._facts:
            self._since_s = self._clock()
        self._facts.append(SourcedFact(fact=fact, offset=offset))
        self._rows += rows_in(fact)

    @property
    def due(self) -> bool:
        """Whether the batch is full or old enough."""
        if not self._facts:
            return False
        old = self._clock() - self._since_s >= self._options.max_age_s
        return old or self._rows >= self._options.max_rows

    def take(self) -> Batch | None:
        """End the batch and begin another.

        Returns:
            What was gathered, None when that is nothing.
        """
        facts, self._facts, self._rows = self._facts, [], 0
        if not facts:
            return None
        tables = [
            table
            for kind in kinds().all
            for table in tables_of((f for f in facts if type(f.fact) is kind.event), (kind.topics[-1], 0))
        ]
        token = f"{self._source}:{facts[0].offset}-{facts[-1].offset + 1}"
        return Batch(token=token, tables=tuple(tables))
