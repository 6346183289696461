"""`onlooker migrate`: create or update the tables of a database."""

import click

from onlooker.cli.options import Given, settings_options
from onlooker.settings.configuration import Settings
from onlooker.wiring.database import opened
from sinks.store.address import checked_identifier
from sinks.store.clickhouse import NoDatabaseError
from sinks.store.identity import id_of
from sinks.store.migrate import Migration, pending, released
from sinks.store.migrate import migrate as run_migrations


@click.command()
@settings_options("database", "cluster")
@click.option("--dry-run", is_flag=True, help="Print what would run, change nothing.")
@click.option("--allow-dangerous", is_flag=True, help="Also run statements that destroy data.")
def migrate(*, given: Given, dry_run: bool, allow_dangerous: bool) -> None:
    """Create or update the tables and views; what has run before is left alone.

    `onlooker run` does this by itself. A database that does not exist yet is created.

    \b
    Examples:
      onlooker migrate --dry-run --url clickhouse://user:password@host:9000/onlooker
      onlooker migrate --url clickhouse://user:password@host:9000/onlooker
      onlooker migrate --config shop.yaml
      onlooker migrate --dry-run --cluster ads --replicated
    """
    if given.flags.cluster is not None:
        checked_identifier(given.flags.cluster)
    settings = given.settings("clickhouse")
    dialect = settings.clickhouse.dialect()
    if dry_run:
        left = _left_to_run(given, settings)
        for migration in left:
            click.echo(f"-- {migration.number:04} {migration.name} (sha256 {migration.sha256})")
            click.echo(";\n\n".join(map(dialect.statement, migration.statements)) + ";\n")
    else:
        with opened(settings, read_only=False, create=True) as store:
            left = run_migrations(store, released(), allow_dangerous=allow_dangerous, dialect=dialect)
            id_of(store)
    words = ", ".join(f"{m.number:04} {m.name}" for m in left) or "nothing"
    click.echo(f"{'would run' if dry_run else 'ran'}: {words}", err=True)


def _left_to_run(given: Given, settings: Settings) -> tuple[Migration, ...]:
    embedded = settings.clickhouse.url is None
    if embedded and given.flags.data_dir is None and not settings.data_dir.exists():
        return released()
    try:
        with opened(settings) as store:
            return pending(store, released())
    except NoDatabaseError:
        return released()
