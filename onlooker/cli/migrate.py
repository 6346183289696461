"""`onlooker migrate`: create or update the tables of a database."""

from pathlib import Path

import click

from onlooker.cli.options import database_options
from onlooker.settings.configuration import DEFAULT_DATA_DIR
from onlooker.wiring.database import opened
from sinks.store.address import checked_identifier
from sinks.store.clickhouse import NoDatabaseError
from sinks.store.dialect import Dialect
from sinks.store.migrate import Migration, pending, released
from sinks.store.migrate import migrate as run_migrations


@click.command()
@database_options
@click.option("--dry-run", is_flag=True, help="Print what would run, change nothing.")
@click.option("--allow-dangerous", is_flag=True, help="Also run statements that destroy data.")
@click.option("--cluster", metavar="NAME", help="Make the tables on all servers of this cluster.")
@click.option("--replicated", is_flag=True, help="Make them with Replicated engines, which need Keeper.")
def migrate(
    *,
    data_dir: Path | None,
    url: str | None,
    dry_run: bool,
    allow_dangerous: bool,
    cluster: str | None,
    replicated: bool,
) -> None:
    """Create or update the tables and views; what has run before is left alone.

    `onlooker run` does this by itself. A database that does not exist yet is created.

    \b
    Examples:
      onlooker migrate --dry-run --url clickhouse://user:password@host:9000/onlooker
      onlooker migrate --url clickhouse://user:password@host:9000/onlooker
      onlooker migrate --dry-run --cluster ads --replicated
    """
    dialect = Dialect(cluster=cluster and checked_identifier(cluster), replicated=replicated)
    if dry_run:
        left = _left_to_run(data_dir, url)
        for migration in left:
            click.echo(f"-- {migration.number:04} {migration.name} (sha256 {migration.sha256})")
            click.echo(";\n\n".join(map(dialect.statement, migration.statements)) + ";\n")
    else:
        with opened(data_dir, url, read_only=False, create=True) as store:
            left = run_migrations(store, released(), allow_dangerous=allow_dangerous, dialect=dialect)
    words = ", ".join(f"{m.number:04} {m.name}" for m in left) or "nothing"
    click.echo(f"{'would run' if dry_run else 'ran'}: {words}", err=True)


def _left_to_run(data_dir: Path | None, url: str | None) -> tuple[Migration, ...]:
    if data_dir is None and url is None and not DEFAULT_DATA_DIR.exists():
        return released()
    try:
        with opened(data_dir, url) as store:
            return pending(store, released())
    except NoDatabaseError:
        return released()
