"""Migrations: names, statements, danger, order; against a database in memory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import CheckFailedError, UsageError
from sinks.store.migrate import Migration, migrate, pending, released


class Ledger:
    """Remembers commands and the migrations that ran."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.applied: list[tuple[int, str]] = []
        self.created = False

    def command(self, sql: str) -> None:
        self.created = self.created or "schema_migrations" in sql
        self.commands.append(sql)

    def insert(self, table: str, columns: Mapping[str, Any], token: str) -> None:
        self.applied.append((columns["number"][0], columns["sha256"][0]))

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        return [(int(self.created),)] if "system.tables" in sql else list(self.applied)


def migration(number: int, sql: str = "CREATE TABLE a (b UInt8) ENGINE = Memory;") -> Migration:
    return Migration(number=number, name="a", sql=sql)


def test_statements_are_split_and_comments_left_out() -> None:
    sql = "-- why; indeed\nCREATE TABLE a (b String COMMENT 'x; y');\n\nALTER TABLE a COMMENT COLUMN b 'z'"
    assert migration(1, sql).statements == (
        "CREATE TABLE a (b String COMMENT 'x; y')",
        "ALTER TABLE a COMMENT COLUMN b 'z'",
    )


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE a",
        "truncate a",
        "DELETE FROM a WHERE 1",
        "ALTER TABLE a DROP COLUMN b",
        "ALTER TABLE a\nDELETE WHERE 1",
    ],
)
def test_danger_is_refused_before_anything_runs(sql: str) -> None:
    ledger = Ledger()
    both = (migration(1), migration(2, sql))
    with pytest.raises(UsageError, match="--allow-dangerous"):
        migrate(ledger, both)
    assert ledger.commands == []
    assert len(migrate(ledger, both, allow_dangerous=True)) == 2


def test_a_word_inside_a_statement_is_no_danger() -> None:
    assert migration(1, "CREATE TABLE a (dropped UInt8 COMMENT 'DROP') ENGINE = Memory").dangerous == ()


def test_only_what_has_not_run_runs_in_order() -> None:
    ledger = Ledger()
    migrate(ledger, (migration(1),))
    more = (
        migration(1),
        migration(2, "CREATE VIEW c AS SELECT 1"),
        migration(3, "CREATE VIEW d AS SELECT 1"),
    )
    assert [m.number for m in pending(ledger, more)] == [2, 3]
    assert [m.number for m in migrate(ledger, more)] == [2, 3]
    assert [number for number, _ in ledger.applied] == [1, 2, 3]


def test_a_changed_one_is_refused() -> None:
    ledger = Ledger()
    migrate(ledger, (migration(1),))
    with pytest.raises(CheckFailedError, match="0001 a was changed"):
        pending(ledger, (migration(1, "CREATE TABLE other (b UInt8) ENGINE = Memory"),))


@pytest.mark.parametrize("names", [["0002_a.sql"], ["0001_a.sql", "0003_b.sql"], ["1_a.sql"], ["0001-a.sql"]])
def test_a_wrong_name_or_a_gap_is_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(CheckFailedError):
        released(tmp_path)


def test_the_release_destroys_nothing() -> None:
    assert [m.dangerous for m in released()] == [()] * len(released())
