"""Writes one batch: the rows of every table, its dead letters, the ledger's row last; again the same."""

import gc
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

import msgspec

from schemas.clocks import Clocks
from schemas.errors import (
    BrokerAwayError,
    DependencyAwayError,
    LimitReachedError,
    UndecodableError,
    UsageError,
)
from schemas.events import DeadLetter
from schemas.kinds import kinds
from schemas.metrics import Meter, NoPulse, Pulse
from schemas.ports import RowStore
from schemas.units import US_PER_S
from sinks.facts.columns import tables_of
from sinks.service.feed import TopicPartition
from sinks.service.gathering import Batch, Entry
from sinks.service.known import Remembered, fresh_of
from sinks.service.ledger import TABLE, Done, highest_written, ledger_row
from sinks.service.offsets import Written
from sinks.service.reading import Limits, letter_for
from sinks.store.clickhouse import RowsRefusedError
from sinks.store.identity import id_of

log = logging.getLogger(__name__)
T = TypeVar("T")

MOST_PUZZLES = 5
"""So often a batch is tried that is refused as a whole and taken in parts: a connection may have died."""
LATENCIES_A_BATCH = 100
"""Latencies are taken of so many evenly spaced messages of a batch."""


class StoreAwayError(DependencyAwayError):
    """The database does not take the batch now: write the same batch again later."""


class BatchStore(RowStore, Protocol):
    """A row store that says which rows it would not take."""

    def refusal(self, table: str, columns: Mapping[str, Any]) -> str | None:
        """Why rows would be refused, writing nothing; None when they would be taken."""
        ...


class Letters(Protocol):
    """Takes dead letters."""

    def post(self, letters: Sequence[DeadLetter], *, repeated: bool = False) -> None:
        """Send letters; the brokers have all of them when this returns."""
        ...


class Reporting(msgspec.Struct, frozen=True, kw_only=True):
    """Under which name and to whom a writer tells what it does."""

    meter: Meter
    writer: str
    """Name of this process, for the ledger."""
    clocks: Clocks = Clocks()
    pulse: Pulse = NoPulse()
    """Hears of every batch whether it changed something."""


class BatchWriter:
    """Writes batches so that writing one again, here or elsewhere, changes nothing.

    Args:
        store: the database, migrated.
        letters: takes what is set aside.
        memory: the facts written last.
        limits: of dead letters.
        reporting: name and figures.
    """

    def __init__(
        self,
        store: BatchStore,
        letters: Letters,
        *,
        memory: Remembered,
        limits: Limits,
        reporting: Reporting,
    ) -> None:
        self._store = store
        self._letters = letters
        self._meter = reporting.meter
        self._memory = memory
        self._limits = limits
        self._writer = reporting.writer
        self._clocks = reporting.clocks
        self._pulse = reporting.pulse
        self._tried: str | None = None
        self._puzzles = 0

    def database(self) -> str:
        """The id of the database as it is now: behind an address another one may come to stand.

        Raises:
            StoreAwayError: ask again later.
        """
        return self._asked(lambda: id_of(self._store))

    def written(self, incarnations: Mapping[TopicPartition, str]) -> Mapping[TopicPartition, Written]:
        """As `highest_written`, how far each partition is written.

        Raises:
            StoreAwayError: ask again later.
        """
        return self._asked(lambda: highest_written(self._store, incarnations))

    def write(self, batch: Batch) -> Done:
        """Write a batch, the messages of one partition.

        Raises:
            StoreAwayError: write the same batch again later.
            BrokerAwayError: the letters were not acknowledged: write the same batch again later.
            UsageError: the database refuses us: the configuration must be mended.
        """
        with no_collection():
            return self._written(batch)

    def _written(self, batch: Batch) -> Done:
        again, self._tried = self._tried == batch.token, batch.token
        fresh = self._asked(lambda: fresh_of(batch, self._memory, self._store))
        repeated = sum(entry.fact is not None for entry in batch.entries) - len(fresh)
        letters = [entry.letter for entry in batch.entries if entry.letter is not None]
        try:
            rows = insert_facts(self._insert, batch, fresh)
        except RowsRefusedError as error:
            refused = self._refused(batch, fresh, error)
            fresh = [entry for entry in fresh if entry.offset not in refused]
            letters += refused.values()
            rows = insert_facts(self._insert, batch, fresh)
        if letters:
            self._letters.post(letters, repeated=again or batch.healed)
        done = Done(rows=rows, set_aside=len(letters), repeated=repeated)
        self._asked(lambda: self._store.insert(TABLE, ledger_row(batch, done, self._writer), batch.token))
        self._puzzles = 0
        self._memory.add(entry.fact for entry in fresh)
        self._count(batch, done, letters, fresh)
        return done

    def _insert(self, table: str, columns: Mapping[str, Any], token: str) -> None:
        began_s = self._clocks.monotonic_s()
        self._asked(lambda: self._store.insert(table, columns, token))
        self._meter.observe("insert_seconds", self._clocks.monotonic_s() - began_s, table=table)

    def _refused(
        self, batch: Batch, fresh: Sequence[Entry], error: RowsRefusedError
    ) -> dict[int, DeadLetter]:
        """Letters of the facts that the tables do not take, by offset."""
        words = self._asked(lambda: refused_among(fresh, batch.tp, self._store.refusal))
        if not words:
            self._puzzles += 1
            kind = StoreAwayError if self._puzzles < MOST_PUZZLES else UsageError
            raise kind(f"{error}; tried one by one all rows are taken: see the server's log") from error
        letters = {}
        for entry, why in words:
            log.warning("%s:%s:%s is refused: %s", *batch.tp, entry.offset, why)
            trouble = UndecodableError("refused", why)
            letters[entry.offset] = letter_for(
                batch.tp,
                entry.offset,
                entry.origin,
                trouble,
                at_us=batch.at_us,
                incarnation=batch.incarnation,
            )
        self._limits.took(batch.tp, [msgspec.structs.replace(e, letter=letters[e.offset]) for e, _ in words])
        return letters

    def _asked(self, call: Callable[[], T]) -> T:
        """A full disk or a server at its limit is waited for like one that is away."""
        try:
            return call()
        except BrokerAwayError:
            raise
        except (DependencyAwayError, LimitReachedError) as error:
            raise StoreAwayError(str(error)) from error

    def _count(self, batch: Batch, done: Done, letters: Sequence[DeadLetter], fresh: Sequence[Entry]) -> None:
        meter, topic = self._meter, batch.tp[0]
        for table, rows in done.rows.items():
            meter.count("rows_written", rows, table=table)
        meter.count("batches_written")
        meter.count("messages_handled", len(batch.entries), topic=topic)
        if batch.healed:
            meter.count("batches_healed")
        if done.repeated:
            meter.count("facts_repeated", done.repeated, topic=topic)
        if fresh:
            self._pulse.changed(topic)
        elif done.repeated:
            self._pulse.ignored(topic, "repeated", done.repeated)
        for letter in letters:
            meter.count("dead_letters", topic=topic, cause=letter.cause)
        now_us = self._clocks.now_us()
        timed = [entry for entry in fresh if entry.captured_us is not None]
        for entry in timed[:: len(timed) // LATENCIES_A_BATCH + 1]:
            latency_s = max(0, now_us - (entry.captured_us or 0)) / US_PER_S
            meter.observe("row_latency_seconds", latency_s, table=kinds().of(type(entry.fact)).head.name)


def insert_facts(
    insert: Callable[[str, Mapping[str, Any], str], None], batch: Batch, entries: Sequence[Entry]
) -> dict[str, int]:
    """Insert the rows of facts under the token of their batch, heads after their parts.

    Args:
        insert: takes the rows of one table, as `RowStore.insert`.
        batch: that the facts are of.
        entries: those of it that become rows.

    Returns:
        Rows by table.
    """
    rows = {}
    for table, columns in tables_of(entries, batch.tp):
        insert(table, columns, batch.token)
        rows[table] = len(columns["_offset"])
    return rows


@contextmanager
def no_collection() -> Iterator[None]:
    """Let Python's search for cycles rest: a batch is half a million objects and no cycle."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def refused_among(
    entries: Sequence[Entry], tp: TopicPartition, refusal: Callable[[str, Mapping[str, Any]], str | None]
) -> list[tuple[Entry, str]]:
    """The facts that a database refuses, with the reason, found by halving.

    Args:
        entries: with facts.
        tp: where they came from.
        refusal: says why it would refuse rows of a table, None when it would take them.
    """
    found = (refusal(table, columns) for table, columns in tables_of(entries, tp))
    why = next(filter(None, found), None)
    if why is None or not entries:
        return []
    if len(entries) == 1:
        return [(entries[0], why)]
    half = len(entries) // 2
    return [
        *refused_among(entries[:half], tp, refusal),
        *refused_among(entries[half:], tp, refusal),
    ]
