"""The sink of one process: facts that its stages make, gathered and written as the service does it."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from schemas.clocks import Clocks
from schemas.errors import DependencyAwayError
from schemas.kinds import kinds
from schemas.ports import RowStore
from schemas.ranges import Count, Positive
from sinks.service.backoff import Backoff
from sinks.service.batch_writer import insert_facts
from sinks.service.gathering import Batch, Entry, Gathering
from sinks.service.offsets import Start
from sinks.service.options import BatchOptions


class LocalOptions(BatchOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Batches and patience of a run: it ends where a service goes on waiting."""

    max_rows: Count = 10_000
    first_wait_s: Positive = 0.1
    longest_wait_s: Positive = 5.0
    give_up_after_s: Positive = 60.0
    """Stop with exit code 3 when the server stays away this long, s."""


class LocalSink:
    """Takes the facts of a run in order and writes each once; waits while the server is away.

    Args:
        store: the database, migrated.
        run_id: names this run: two runs on the same database must differ, the retry of a run must not.
        options: batches and patience.
        revive: called before another attempt, for example to start an embedded server again.
        check: sees the facts of a batch before it is written, and raises when they must not be.
        clocks: time.
    """

    def __init__(
        self,
        store: RowStore,
        *,
        run_id: str,
        options: LocalOptions | None = None,
        revive: Callable[[], None] | None = None,
        check: Callable[[Iterable[Any]], None] | None = None,
        clocks: Clocks | None = None,
    ) -> None:
        self._store = store
        self._check = check
        self._options = options = options or LocalOptions()
        self._revive = revive
        self._clocks = clocks = clocks or Clocks()
        # The topics of a run live as long as it does: its name is their incarnation.
        self._gatherings = {
            kind.event: Gathering(
                (kind.topics[-1], 0),
                run_id,
                Start(lo=0, read_from=0),
                options=options,
                clock=clocks.monotonic_s,
            )
            for kind in kinds().all
            if kind.tables
        }
        self._facts = 0
        self.rows: Counter[str] = Counter()
        """Rows written, by table."""
        self.retries = 0

    def add(self, fact: Any) -> None:
        """Take one fact that a stage made; writes when a batch is full or old enough."""
        self._gatherings[type(fact)].add(Entry(offset=self._facts, fact=fact, size_bytes=0))
        self._facts += 1
        self.tick()

    def tick(self) -> None:
        """Write when a batch is full or old enough; to be called now and then when no fact comes."""
        due_s = [s for each in self._gatherings.values() if (s := each.due_in_s) is not None]
        if due_s and min(due_s) <= 0:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered, now.

        Raises:
            DependencyAwayError: the server stayed away for `give_up_after_s`.
            UsageError: the check refuses a batch; nothing of it is written.
            LimitReachedError: its disk is full.
        """
        for gathering in self._gatherings.values():
            batch = gathering.take(self._clocks.now_us())
            if batch is not None:
                self.rows.update(self._written(batch))

    def _written(self, batch: Batch) -> dict[str, int]:
        """Rows by table, once all are there: the token keeps those of a broken attempt from coming twice."""
        options = self._options
        backoff = Backoff(options.first_wait_s, options.longest_wait_s, lambda: 1.0)
        began_s = self._clocks.monotonic_s()
        while True:
            try:
                if self._check is not None:
                    self._check(entry.fact for entry in batch.entries)
                return insert_facts(self._store.insert, batch, batch.entries)
            except DependencyAwayError:
                if self._clocks.monotonic_s() - began_s >= options.give_up_after_s:
                    raise
            self._wait(backoff)

    def _wait(self, backoff: Backoff) -> None:
        self.retries += 1
        now_s = self._clocks.monotonic_s()
        backoff.failed(now_s)
        self._clocks.sleep(backoff.wait_s(now_s))
        try:
            if self._revive is not None:
                self._revive()
        except DependencyAwayError:
            self.retries += 1
