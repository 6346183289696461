"""The side tables: where recomputed facts go, each row with the generation of its reprocessing."""

from collections.abc import Mapping
from typing import Any

from schemas.kinds import kinds
from schemas.ports import RowStore

SIDE_TABLES: Mapping[str, str] = {
    table.name: f"reprocessed_{table.name}" for kind in kinds().all if kind.measured for table in kind.tables
}
"""Where the recomputed rows of each table go; what is not here (plays) is not recomputed."""


class SideStore:
    """A row store that puts facts into the side tables of one generation, and drops what has none."""

    def __init__(self, store: RowStore, generation: int) -> None:
        self._store = store
        self._generation = generation

    def insert(self, table: str, columns: Mapping[str, Any], token: str) -> None:
        """Write one batch of a live table beside it; the same token twice writes once."""
        side = SIDE_TABLES.get(table)
        if side is not None:
            count = len(next(iter(columns.values())))
            whole = {**columns, "generation": [self._generation] * count}
            self._store.insert(side, whole, f"reprocessing:{self._generation}:{token}")

    def command(self, sql: str) -> None:
        """Run a statement that returns nothing."""
        self._store.command(sql)

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Answer a question as rows of Python values."""
        return self._store.rows(sql, parameters)
