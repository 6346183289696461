"""`onlooker run`: cameras to ClickHouse in one process."""

import json
from pathlib import Path
from typing import Any

import click


@click.command()
@click.option(
    "--config", "config_path", type=click.Path(path_type=Path, dir_okay=False), help="A configuration (YAML)."
)
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="S",
    help="A video file, a folder of pictures, a USB index or an RTSP/HTTP URL; each is a stand of its own. "
    "May be given several times; replaces the configuration's stands.",
)
@click.option("--data-dir", type=click.Path(path_type=Path), help="Where the figures go [onlooker-data].")
@click.option("--gallery", type=click.Path(path_type=Path), help="Recognise the people of this gallery.")
@click.option(
    "--pace",
    type=click.Choice(["real", "fast"]),
    default="fast",
    show_default=True,
    help="Recordings at their own speed (frames may be dropped) or as fast as can be (none is).",
)
@click.option("--duration-s", type=click.FloatRange(min=0, min_open=True), help="Stop after so many seconds.")
@click.option(
    "--no-clickhouse", is_flag=True, help="Measure without storing anything: to try a camera, to benchmark."
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def run(
    config_path: Path | None,
    sources: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Measure cameras: visits, exposures and campaign windows into ClickHouse, in one process.

    Without a configuration each source is a stand that shows one creative, `default`. Ctrl-C ends cleanly:
    all open visits and windows are closed and written.

    \b
    Examples:
      onlooker run --source walk.mp4
      onlooker run --source 0 --source rtsp://camera.local/stream --duration-s 3600
      onlooker run --config shop.yaml --data-dir figures
      onlooker report --data-dir figures
    """
    from onlooker.settings import load_settings, with_sources
    from onlooker.wiring.storage import RunRequest, execute_run

    settings = with_sources(load_settings(config_path), sources)
    if not settings.stands:
        raise click.UsageError(
            "Nothing to measure: name a --source, or a --config with stands. "
            "To see it work on sample footage: onlooker demo"
        )
    found = execute_run(settings, RunRequest(**options))
    if as_json:
        click.echo(json.dumps(found))
    else:
        from onlooker.run_words import print_summary

        print_summary(found)
