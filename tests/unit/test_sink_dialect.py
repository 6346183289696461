"""Migrations on a cluster: every statement names it, every table is replicated, nothing else changes."""

import re

import pytest
from click.testing import CliRunner

from onlooker.cli.migrate import migrate
from sinks.store.dialect import ONE_SERVER, Dialect
from sinks.store.migrate import LEDGER, released

STATEMENTS = [LEDGER, *(statement for migration in released() for statement in migration.statements)]
CLUSTER = Dialect(cluster="ads", replicated=True)


def first_line(sql: str) -> str:
    return sql.splitlines()[0]


@pytest.mark.parametrize("sql", STATEMENTS, ids=first_line)
def test_a_statement_run_twice_changes_nothing(sql: str) -> None:
    found = first_line(ONE_SERVER.statement(sql))
    if sql.startswith("CREATE OR REPLACE"):
        assert found == first_line(sql)
    else:
        kind = first_line(sql).split()[1]
        assert found == first_line(sql).replace(kind, f"{kind} IF NOT EXISTS")


@pytest.mark.parametrize("sql", STATEMENTS, ids=first_line)
def test_one_server_keeps_its_engines(sql: str) -> None:
    assert ONE_SERVER.statement(sql).splitlines()[1:] == sql.splitlines()[1:]


@pytest.mark.parametrize("sql", STATEMENTS, ids=first_line)
def test_a_cluster_has_it_on_every_server(sql: str) -> None:
    found = CLUSTER.statement(sql)
    assert first_line(found).endswith(" ON CLUSTER 'ads'")
    engines = re.findall(r"^ENGINE = (\w+)", found, re.MULTILINE)
    assert engines == (["ReplicatedReplacingMergeTree"] if sql.startswith("CREATE TABLE") else [])
    assert "non_replicated" not in found
    assert ("deduplication_window = 10000" in found) == ("deduplication_window = 10000" in sql)


def test_the_version_of_an_engine_stays() -> None:
    sql = "CREATE TABLE a\n(\n b UInt8\n)\nENGINE = ReplacingMergeTree(version)\nORDER BY b"
    assert CLUSTER.statement(sql).splitlines()[4] == (
        "ENGINE = ReplicatedReplacingMergeTree("
        "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}', version)"
    )


def test_a_comment_that_speaks_of_an_engine_stays() -> None:
    sql = "CREATE TABLE a (b UInt8 COMMENT 'ENGINE = MergeTree') ENGINE = Memory"
    assert CLUSTER.statement(sql).endswith("(b UInt8 COMMENT 'ENGINE = MergeTree') ENGINE = Memory")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("ALTER TABLE a ADD COLUMN b UInt8", "ALTER TABLE a ON CLUSTER 'ads' ADD COLUMN b UInt8"),
        ("DROP TABLE IF EXISTS a", "DROP TABLE IF EXISTS a ON CLUSTER 'ads'"),
    ],
)
def test_later_statements_name_the_cluster_too(sql: str, expected: str) -> None:
    assert CLUSTER.statement(sql) == expected


def test_the_plan_can_be_read_without_a_server() -> None:
    runner = CliRunner()
    with runner.isolated_filesystem():
        done = runner.invoke(migrate, ["--dry-run", "--cluster", "ads", "--replicated"])
    assert done.exit_code == 0, done.output
    assert "CREATE TABLE IF NOT EXISTS visits ON CLUSTER 'ads'" in done.output
    assert "ReplicatedReplacingMergeTree" in done.output
