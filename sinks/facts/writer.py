"""Writes facts to ClickHouse in batches; waits while it is away, loses nothing, counts everything."""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import msgspec

from schemas.errors import DependencyAwayError
from schemas.ports import RowStore
from sinks.facts.batching import Batch, Batcher, BatchOptions


class WriterOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Batches and patience of the writer."""

    batch: BatchOptions = BatchOptions()
    first_wait_s: float = 0.1
    """Wait before the second attempt, s; doubled after every further one."""
    longest_wait_s: float = 5.0
    """The wait between two attempts grows no longer than this, s."""
    give_up_after_s: float = 60.0
    """Stop with exit code 3 when the server stays away this long, s."""


class WriterCounts(msgspec.Struct, kw_only=True):
    """What the writer has done so far."""

    facts: int = 0
    batches: int = 0
    retries: int = 0
    rows: dict[str, int] = msgspec.field(default_factory=dict)
    """Rows written, by table."""


class Clock(Protocol):
    """Time as the writer needs it, so that tests need not wait."""

    def now_s(self) -> float:
        """Seconds that only grow."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class FactWriter:
    """Takes the facts of one topic-partition in order and writes each once.

    Args:
        store: the database, migrated.
        source: names this run: two runs on the same database must differ, the retry of a run must not.
        clock: time.
        options: batches and patience.
        revive: called before another attempt, for example to start an embedded server again.
    """

    def __init__(
        self,
        store: RowStore,
        *,
        source: str,
        clock: Clock,
        options: WriterOptions | None = None,
        revive: Callable[[], None] | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._options = options or WriterOptions()
        self._revive = revive
        self._batcher = Batcher(self._options.batch, source=source, clock=clock.now_s)
        self.counts = WriterCounts()

    def add(self, fact: Any) -> None:
        """Take one fact; writes when the batch is full or old enough.

        Args:
            fact: what a stage made.
        """
        self._batcher.add(fact, self.counts.facts)
        self.counts.facts += 1
        self.tick()

    def tick(self) -> None:
        """Write when the batch is full or old enough; to be called now and then when no fact comes."""
        if self._batcher.due:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered, now.

        Raises:
            DependencyAwayError: the server stayed away for `give_up_after_s`.
            LimitReachedError: its disk is full.
        """
        batch = self._batcher.take()
        if batch is not None:
            self._write(batch)

    def _write(self, batch: Batch) -> None:
        for table, columns in batch.tables:
            self._until_done(partial(self._store.insert, table, columns, batch.token))
        self.counts.batches += 1
        for table, count in batch.row_counts.items():
            self.counts.rows[table] = self.counts.rows.get(table, 0) + count

    def _until_done(self, attempt: Callable[[], None]) -> None:
        wait_s, since_s = self._options.first_wait_s, self._clock.now_s()
        while True:
            try:
                return attempt()
            except DependencyAwayError:
                if self._clock.now_s() - since_s >= self._options.give_up_after_s:
                    raise
            self.counts.retries += 1
            self._clock.sleep(wait_s)
            wait_s = min(2 * wait_s, self._options.longest_wait_s)
            self._try_to_revive()

    def _try_to_revive(self) -> None:
        if self._revive is None:
            return
        try:
            self._revive()
        except DependencyAwayError:
            self.counts.retries += 1
