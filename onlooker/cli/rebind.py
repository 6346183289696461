"""`onlooker rebind`: give the sink's group to another database, or set it back for a restored one."""

from typing import cast, get_args

import click

from onlooker.cli.options import Given, settings_options
from sinks.service.rebinding import Begin, Change


@click.command()
@settings_options("database", "brokers")
@click.option(
    "--from",
    "begin",
    type=click.Choice(get_args(Begin)),
    required=True,
    help="Where the database begins: earliest, with all that the topics still have and it has not; "
    "committed, where the group is, so that earlier rows stay missing.",
)
@click.option("--dry-run", is_flag=True, help="Say what would change, change nothing.")
def rebind(*, given: Given, begin: str, dry_run: bool) -> None:
    """Let the sinks' group write to the configured database from now on, while none of them runs.

    A group writes to one database and refuses every other. After this the old one is the other. A database
    restored from its backup is still the same: for it, `--from earliest` writes what came after the backup.

    \b
    Examples:
      onlooker rebind --config shop.yaml --from earliest --dry-run
      onlooker rebind --config shop.yaml --from earliest
    """
    from onlooker.wiring.rebind import execute_rebind

    plan = execute_rebind(given.settings("clickhouse", "kafka"), cast("Begin", begin), dry_run=dry_run)
    for change in plan.changes:
        click.echo(_words(change))
    before = ", ".join(map(str, plan.before)) or "none that its commits name"
    would = "would write" if dry_run else "writes"
    click.echo(f"the group {plan.group} wrote to the database: {before}", err=True)
    click.echo(f"from now on it {would} to the database: {plan.database}", err=True)


def _words(change: Change) -> str:
    topic, partition = change.tp
    goes_on = f"{topic}:{partition}: goes on at offset {change.after.offset}"
    was = "" if change.before is None else f", was at {change.before}"
    if change.missing is None:
        return goes_on + was
    first, until = change.missing
    return f"{goes_on}{was}; rows of offsets {first} to {until - 1} are missing and stay so"
