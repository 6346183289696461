"""`onlooker config`: show what is in force, check a file before it is used."""

import os
from pathlib import Path

import click

from onlooker.cli.options import Given, config_option, json_option
from onlooker.cli.output import print_compact_json
from onlooker.settings.flags import SERVERS
from schemas.names import quoted

_config = config_option("The file; default: none.")


@click.group()
def config() -> None:
    """Show or check a configuration.

    \b
    Examples:
      onlooker config show > onlooker.yaml     every setting with its default
      onlooker config check onlooker.yaml
    """


@config.command()
@_config
@json_option("JSON instead of YAML.")
@click.option(
    "--origins", "with_origins", is_flag=True, help="With --json: also where each value comes from."
)
def show(config_path: Path | None, as_json: bool, with_origins: bool) -> None:
    """Print every setting in force, defaults included, and where those come from that are no defaults.

    A variable wins over the file. No password is shown, only where it is set. With --json --origins there
    are two objects, `settings` and `origins`: what `origins` does not name is a default.
    """
    from onlooker.settings.origins import as_yaml, shown

    if with_origins and not as_json:
        raise click.UsageError("--origins is for --json: without it every line says where it comes from")
    found = shown(config_path, os.environ)
    if as_json:
        print_compact_json(found if with_origins else found.settings)
    else:
        click.echo(as_yaml(found), nl=False)


@config.command()
@_config
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
def check(config_path: Path | None, file: Path | None) -> None:
    """Check a file, its sources, models and secrets; says what is wrong and what is allowed there.

    No server is asked: `onlooker doctor --config FILE` does that.
    """
    from onlooker.settings.judgement import EVERYTHING
    from onlooker.wiring.perception import model_files

    path = file or config_path
    if path is None:
        raise click.UsageError("Name the file: onlooker config check FILE")
    settings = Given(config_path=path).settings(*SERVERS, needs=EVERYTHING)
    model_files(settings)
    cameras = sum(len(stand.cameras) for stand in settings.stands)
    click.echo(f"{quoted(path)} is good: {len(settings.stands)} stands, {cameras} cameras.")
