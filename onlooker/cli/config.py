"""`onlooker config`: show what is in force, check a file before it is used."""

import os
from pathlib import Path

import click
import msgspec
import yaml

CONFIG_OPTION = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file; default: none.",
)


@click.group()
def config() -> None:
    """Show or check a configuration.

    \b
    Examples:
      onlooker config show > onlooker.yaml     every setting with its default
      onlooker config check onlooker.yaml
    """


@config.command()
@CONFIG_OPTION
@click.option("--json", "as_json", is_flag=True, help="JSON instead of YAML.")
def show(config_path: Path | None, as_json: bool) -> None:
    """Print every setting in force, defaults included."""
    from onlooker.settings.configuration import load_settings, without_secrets

    plain = msgspec.to_builtins(without_secrets(load_settings(config_path)), str_keys=True, enc_hook=str)
    if as_json:
        click.echo(msgspec.json.encode(plain).decode())
    else:
        click.echo(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True), nl=False)


@config.command()
@CONFIG_OPTION
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
def check(config_path: Path | None, file: Path | None) -> None:
    """Check a file, its sources, models and secrets; says what is wrong and what is allowed there.

    No server is asked: `onlooker doctor --config FILE` does that.
    """
    from onlooker.settings.configuration import load_settings
    from onlooker.settings.passwords import with_secrets
    from onlooker.wiring.run import check_settings

    path = file or config_path
    if path is None:
        raise click.UsageError("Name the file: onlooker config check FILE")
    settings = load_settings(path)
    check_settings(settings)
    with_secrets(settings, os.environ).clickhouse.address()
    cameras = sum(len(stand.cameras) for stand in settings.stands)
    click.echo(f"{path} is good: {len(settings.stands)} stands, {cameras} cameras.")
