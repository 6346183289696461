"""`onlooker bench`: what a thing costs, next to the floor measured in the same run."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from onlooker.cli.options import Given, config_option, json_option, settings_options
from onlooker.cli.output import print_compact_json, print_json
from onlooker.settings.flags import Flags


@click.group()
def bench() -> None:
    """Benchmarks. Each prints its floor (what nobody can undercut) from the same run."""


@bench.command()
@click.argument("clip", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--repeat", type=click.IntRange(min=1), default=5, show_default=True, help="Counted runs.")
@settings_options()
@json_option("JSON instead of a table.")
def perception(clip: Path | None, repeat: int, given: Given, as_json: bool) -> None:
    """Frames a second through the whole of `run` without ClickHouse, on one core.

    The floor is the sum of the bare `session.run` times of the same run. CLIP defaults to the demo's footage.
    """
    from onlooker.lab.perception import bench_perception, print_table
    from onlooker.settings.judgement import Needs

    found = bench_perception(given.settings(needs=Needs(models=True)), clip, repeat=repeat)
    show = print_json if as_json else print_table
    show(found)


@bench.command()
@config_option()
@click.option(
    "--bootstrap",
    metavar="HOST:PORT",
    help="Brokers that run already, reached as the configuration says; without it one is started here.",
)
@click.option(
    "--only", metavar="PARTS", help="Of publish, faust, measure, sink, latency, density; with commas."
)
@click.option(
    "--repeat", type=click.IntRange(min=1), default=3, show_default=True, help="Turns of each comparison."
)
@click.option("--quick", is_flag=True, help="Little work: shows that it runs, says nothing about speed.")
@json_option("JSON instead of tables.")
def stream(config_path: Path | None, bootstrap: str | None, as_json: bool, **options: Any) -> None:
    """Events a second of each service, latency to the row, and how many stands this machine carries.

    Each figure stands next to its floor, taken turn by turn in the same run: a bare producer, a Faust agent
    that does nothing, decoding alone, bare inserts. Rows always go to a ClickHouse of its own, topics carry a
    prefix of their own. It takes about five minutes.
    """
    from onlooker.lab.stream.bench import Failed, Request, bench_stream, parts_from
    from onlooker.lab.stream.page import print_found
    from schemas.errors import DependencyAwayError

    named = bootstrap is not None
    given = Given(config_path=config_path, flags=Flags(bootstrap=bootstrap))
    settings = given.settings("registry", "kafka") if named else given.settings("registry")
    request = Request(
        parts=parts_from(options["only"]),
        repeat=options["repeat"],
        quick=options["quick"],
        kafka=settings.kafka if named else None,
    )
    found = bench_stream(settings, request, say=partial(click.echo, err=True))
    show = print_compact_json if as_json else print_found
    show(found)
    if failed := [part for part, measured in found.parts.items() if isinstance(measured, Failed)]:
        raise DependencyAwayError(f"Not everything could be measured: {', '.join(failed)} (above).")


@bench.command()
@click.argument(
    "folder", required=False, metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False)
)
@click.option(
    "--seconds",
    type=click.IntRange(min=1),
    default=3600,
    show_default=True,
    help="Of the ten stands that are recorded for it, without DIR.",
)
@click.option("--repeat", type=click.IntRange(min=1), default=3, show_default=True, help="Turns.")
@json_option("JSON instead of a table.")
def replay(folder: Path | None, seconds: int, repeat: int, as_json: bool) -> None:
    """Events a second from a recording to windows, next to reading the same Avro and nothing else."""
    from onlooker.lab.replay import bench_replay, print_found

    found = bench_replay(folder, seconds=seconds, repeat=repeat, say=partial(click.echo, err=True))
    show = print_compact_json if as_json else print_found
    show(found)
