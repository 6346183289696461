"""`onlooker bench`: what a thing costs, next to the floor measured in the same run."""

import json
from pathlib import Path

import click


@click.group()
def bench() -> None:
    """Benchmarks. Each prints its floor (what nobody can undercut) from the same run."""


@bench.command()
@click.argument("clip", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--repeat", type=click.IntRange(min=1), default=5, show_default=True, help="Counted runs.")
@click.option(
    "--config", "config_path", type=click.Path(path_type=Path, dir_okay=False), help="A configuration."
)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
def perception(clip: Path | None, repeat: int, config_path: Path | None, as_json: bool) -> None:
    """Frames a second through the whole of `run` without ClickHouse, on one core.

    The floor is the sum of the bare `session.run` times of the same run. CLIP defaults to the demo's footage.
    """
    from onlooker.lab.perception import bench_perception, print_table
    from onlooker.settings import load_settings

    found = bench_perception(load_settings(config_path), clip, repeat=repeat)
    if as_json:
        click.echo(json.dumps(found))
    else:
        print_table(found)
