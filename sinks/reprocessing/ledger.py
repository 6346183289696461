"""The ledger of reprocessings: begun, complete, shown, discarded; one row of it is what the views obey."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from schemas.clocks import Clocks
from schemas.errors import CheckFailedError, UsageError
from schemas.ports import RowStore
from schemas.units import US_PER_S
from sinks.reprocessing.side import SIDE_TABLES
from sinks.store.dialect import ONE_SERVER, Dialect

LEDGER = "reprocessings"
State = Literal["writing", "ready", "shown"]
LONGEST_WAIT_S = 10.0
"""So long a switch waits for questions that began before it and may not have opened their tables yet."""
_STEP_S = 0.05
_ALL = (
    "SELECT generation, name, state, recording, stand_ids, toUnixTimestamp64Micro(from_at), "
    "toUnixTimestamp64Micro(until_at), thresholds, version FROM reprocessings FINAL ORDER BY generation"
)
_OLDER = (
    "SELECT count() FROM system.processes WHERE current_database = currentDatabase() "
    "AND query_kind = 'Select' AND query_id != queryID() AND elapsed > {seconds:Float64}"
)


class Reprocessing(msgspec.Struct, frozen=True, kw_only=True):
    """One reprocessing as its ledger's last row has it."""

    generation: int
    """Stands for it in the side tables: when it began, us UTC."""
    name: str
    state: State
    recording: str
    stand_ids: tuple[str, ...]
    from_us: int
    """Visits and windows that begin in [from, until) are replaced, us UTC."""
    until_us: int
    thresholds: Mapping[str, str]
    """Metric versions of its figures, with their thresholds as JSON."""
    version: int
    """When the state was reached, us UTC."""


class Reprocessings:
    """The reprocessings of one migrated database, on one server or on a cluster."""

    def __init__(
        self,
        store: RowStore,
        *,
        dialect: Dialect = ONE_SERVER,
        clocks: Clocks | None = None,
    ) -> None:
        self._store = store
        self._dialect = dialect
        self._clocks = clocks or Clocks()

    def all(self) -> list[Reprocessing]:
        """Every one that has left a trace, by begin."""
        names = Reprocessing.__struct_fields__
        rows = (dict(zip(names, row, strict=True)) for row in self._store.rows(_ALL))
        return [msgspec.convert(row, Reprocessing) for row in rows]

    def named(self, name: str) -> Reprocessing:
        """The present state of the one of a name.

        Raises:
            UsageError: there is none.
        """
        found = self._found(name)
        if found is None:
            there = ", ".join(each.name for each in self.all()) or "none"
            raise UsageError(f"there is no reprocessing {name!r}; there are: {there}")
        return found

    def begin(self, name: str, *, recording: str, from_us: int, until_us: int) -> Reprocessing:
        """Begin one, with nothing written yet; what a killed one of the same name left is removed.

        Args:
            name: for people.
            recording: what it is made from.
            from_us: begin of the range, us UTC.
            until_us: its end, not part of it.

        Raises:
            UsageError: a complete one has this name.
        """
        before = self._found(name)
        if before is not None:
            if before.state != "writing":
                raise UsageError(
                    f"there is a reprocessing {name!r} already: --discard it, or choose another --name"
                )
            self.discard(before)
        now_us = self._clocks.now_us()
        begun = Reprocessing(
            generation=now_us,
            name=name,
            state="writing",
            recording=recording,
            stand_ids=(),
            from_us=from_us,
            until_us=until_us,
            thresholds={},
            version=now_us,
        )
        return self._note(begun, "writing")

    def finish(
        self, reprocessing: Reprocessing, stand_ids: Iterable[str], thresholds: Mapping[str, str]
    ) -> Reprocessing:
        """Everything is written: it is ready.

        Args:
            reprocessing: one that is being written.
            stand_ids: whose figures were recomputed.
            thresholds: by metric version, as JSON.

        Raises:
            CheckFailedError: it was discarded meanwhile; what was written since is removed.
        """
        try:
            self._present(reprocessing)
        except CheckFailedError:
            self._remove(reprocessing)
            raise
        stands = tuple(sorted(stand_ids))
        whole = msgspec.structs.replace(reprocessing, stand_ids=stands, thresholds=dict(thresholds))
        return self._note(whole, "ready")

    def show(self, reprocessing: Reprocessing) -> Reprocessing:
        """Show one that is ready in all views, with one row: a question sees either what was there or this.

        Returns:
            It, shown; as it is when it was shown already.

        Raises:
            UsageError: it is not complete.
        """
        now = self._present(reprocessing)
        if now.state == "writing":
            raise UsageError(f"{reprocessing.name!r} is not complete: run it again, or --discard it")
        if now.state == "shown":
            return now
        for version, thresholds in sorted(now.thresholds.items()):
            columns = {"metric_version": [version], "thresholds": [thresholds]}
            self._store.insert("metric_versions", columns, f"metric_version:{version}")
        self._arrived()
        self._wait_for_older()
        return self._note(now, "shown")

    def hide(self, reprocessing: Reprocessing) -> Reprocessing:
        """Show again what was there before, with one row; one that is not shown stays as it is."""
        now = self._present(reprocessing)
        return self._note(now, "ready") if now.state == "shown" else now

    def discard(self, reprocessing: Reprocessing) -> None:
        """Remove all that one which is not shown wrote; may be begun again when killed.

        Raises:
            UsageError: the views show it.
        """
        now = self._present(reprocessing)
        if now.state == "shown":
            raise UsageError(f"the views show {reprocessing.name!r}: --switch-back first")
        self._note(now, "writing")
        self._wait_for_older()
        self._remove(now)

    def _remove(self, reprocessing: Reprocessing) -> None:
        """The rows, the ledger's last: until then it can be found and discarded again."""
        for table in (*SIDE_TABLES.values(), LEDGER):
            sql = f"ALTER TABLE {table} DROP PARTITION {int(reprocessing.generation)}"
            self._store.command(self._dialect.statement(sql))

    def _found(self, name: str) -> Reprocessing | None:
        return next((each for each in self.all() if each.name == name), None)

    def _present(self, reprocessing: Reprocessing) -> Reprocessing:
        now = next((each for each in self.all() if each.generation == reprocessing.generation), None)
        if now is None:
            raise CheckFailedError(f"the reprocessing {reprocessing.name!r} was discarded meanwhile")
        return now

    def _note(self, reprocessing: Reprocessing, state: State) -> Reprocessing:
        """The one row: a reader has it or has it not."""
        version = max(self._clocks.now_us(), reprocessing.version + 1)
        noted = msgspec.structs.replace(reprocessing, state=state, version=version)
        self._store.insert(LEDGER, _row(noted), f"{LEDGER}:{noted.generation}:{noted.version}")
        return noted

    def _arrived(self) -> None:
        """Copies of replicated tables have the rows before the row that shows them."""
        if self._dialect.replicated:
            where = "" if self._dialect.cluster is None else f"ON CLUSTER '{self._dialect.cluster}' "
            for table in SIDE_TABLES.values():
                self._store.command(f"SYSTEM SYNC REPLICA {where}{table}")

    def _wait_for_older(self) -> None:
        """Let questions that began before now open their tables: they end, or have had time enough."""
        began_s = self._clocks.monotonic_s()
        while (passed_s := self._clocks.monotonic_s() - began_s) < LONGEST_WAIT_S:
            if not self._store.rows(_OLDER, {"seconds": passed_s})[0][0]:
                return
            self._clocks.sleep(_STEP_S)


def default_name(recording: str, from_us: int) -> str:
    """A name for who gives none: that of the recording's folder, and the second at which the range begins."""
    return f"{recording}-{from_us // US_PER_S}"


def _row(reprocessing: Reprocessing) -> Mapping[str, Sequence[Any]]:
    columns = {"from_us": "from_at", "until_us": "until_at"}
    values = msgspec.structs.asdict(reprocessing)
    return {columns.get(name, name): [value] for name, value in values.items()}
