"""What was ever written: a witness beside each table that sees every inserted row and merges nothing away."""

from typing import Any

import msgspec

from schemas.errors import OnlookerError
from schemas.ports import RowStore

IDS: dict[str, str] = {
    "visits": "visit_id, version",
    "exposures": "exposure_id, version",
    "plays": "play_id",
    "windows": "window_id, version",
    "campaign_windows": "window_id, campaign_id, creative_id, version",
    "audience_windows": "window_id, age_band, gender, version",
}
"""What may stand in a raw table once."""
ABOUT = ("_topic", "_partition", "_offset", "_inserted_at")
"""Columns that say how a row came, not what it says."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One row that is not as often here as there."""

    table: str
    row: dict[str, Any]
    found: int
    expected: int

    def __str__(self) -> str:
        words = ", ".join(f"{name}={value}" for name, value in self.row.items())
        return f"{self.table}: {self.found} times instead of {self.expected}: {words}"


def make_witnesses(store: RowStore) -> None:
    """Put a plain MergeTree behind every raw table: it keeps what a ReplacingMergeTree merges away.

    Args:
        store: a migrated database into which nothing has been written.
    """
    for table in IDS:
        names = ", ".join(columns(store, table))
        store.command(
            f"CREATE TABLE inserted_{table} AS {table} ENGINE = MergeTree ORDER BY tuple() "
            "SETTINGS non_replicated_deduplication_window = 10000"
        )
        store.command(
            f"CREATE MATERIALIZED VIEW inserting_{table} TO inserted_{table} AS SELECT {names} FROM {table}"
        )


def views(store: RowStore) -> list[str]:
    """The views that analysts read, but the one about thresholds."""
    rows = store.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, 'v_') "
        "ORDER BY name"
    )
    return [name for (name,) in rows if name not in NOT_FROM_FACTS and _is_plain(store, name)]


NOT_FROM_FACTS = ("v_metric_versions", "v_decisions", "v_purchases", "v_dead_letters", "v_sink_batches")


def columns(store: RowStore, table: str) -> list[str]:
    """The columns of a table that say something."""
    rows = store.rows(
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String} "
        "ORDER BY position",
        {"table": table},
    )
    return [name for (name,) in rows if name not in ABOUT]


def differences(
    store: RowStore, table: str, other: str, *, stands: str = "", limit: int = 40
) -> list[Difference]:
    """Rows that are not equally often in a table of this database and in the one of the same name in another.

    Args:
        store: this database: what was found.
        table: table or view.
        other: the database with what was expected.
        stands: pattern of the stands whose rows are compared; empty: all rows.
        limit: of differences told.

    Returns:
        None when both hold the same.
    """
    names, taken = columns(store, table), ", ".join(_taken(store, table))
    listed, final = ", ".join(names), "FINAL" if table in IDS else ""
    final += " WHERE stand_id LIKE {stands:String}" if stands else ""
    rows = store.rows(
        f"SELECT {listed}, countIf(side = 0) AS found, countIf(side = 1) AS expected FROM ("
        f"SELECT {taken}, 0 AS side FROM {table} {final} UNION ALL "
        f"SELECT {taken}, 1 AS side FROM {other}.{table} {final}) "
        f"GROUP BY {listed} HAVING found != expected ORDER BY ALL LIMIT {limit}",
        {"stands": stands},
    )
    return [
        Difference(table=table, row=dict(zip(names, row, strict=False)), found=row[-2], expected=row[-1])
        for row in rows
    ]


def _taken(store: RowStore, table: str) -> list[str]:
    """The columns as they are compared: a mean depends in its last digits on the order of its parts."""
    names = columns(store, table)
    if not table.startswith("v_"):
        return names
    rows = store.rows(
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String} "
        "AND type IN ('Float64', 'Nullable(Float64)')",
        {"table": table},
    )
    fractions = {name for (name,) in rows}
    return [f"round({name}, 6) AS {name}" if name in fractions else name for name in names]


def doubles(store: RowStore, table: str) -> list[Difference]:
    """Facts that stand physically twice in a raw table, or stand there and were never inserted."""
    ids = IDS[table]
    names = ids.split(", ")
    rows = store.rows(f"SELECT {ids}, count() AS n FROM {table} GROUP BY {ids} HAVING n > 1 LIMIT 40")
    found = [
        Difference(table=table, row=dict(zip(names, row, strict=False)), found=row[-1], expected=1)
        for row in rows
    ]
    listed = ", ".join(columns(store, table))
    (strangers,) = store.rows(
        f"SELECT count() FROM (SELECT {listed} FROM {table} EXCEPT SELECT {listed} FROM inserted_{table})"
    )[0]
    if strangers:
        words = {"rows": "that no insert brought"}
        found.append(Difference(table=table, row=words, found=int(strangers), expected=0))
    return found


def _is_plain(store: RowStore, view: str) -> bool:
    """Whether a view needs no parameters."""
    try:
        store.rows(f"SELECT * FROM {view} LIMIT 0")
    except OnlookerError:
        return False
    return True
