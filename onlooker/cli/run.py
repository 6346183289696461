"""`onlooker run`: cameras to ClickHouse in one process."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onlooker.cli.options import Given, json_option, pace_option, settings_options, sources_options
from onlooker.cli.output import print_json
from onlooker.settings.flags import Server

if TYPE_CHECKING:
    from onlooker.settings.configuration import Sources
    from onlooker.wiring.record_run import RunRecording


@click.command()
@settings_options("database")
@sources_options
@click.option("--gallery", type=click.Path(path_type=Path), help="Recognise the people of this gallery.")
@pace_option
@click.option("--duration-s", type=click.FloatRange(min=0, min_open=True), help="Stop after so many seconds.")
@click.option(
    "--no-clickhouse", is_flag=True, help="Measure without storing anything: to try a camera, to benchmark."
)
@click.option(
    "--record", type=click.Path(path_type=Path), help="Also record it into this folder, for `replay`."
)
@click.option("--frames-for", metavar="10m", help="Record pictures too, for so long; needs --reason.")
@click.option("--reason", metavar="TEXT", help="Why pictures are recorded; written into the manifest.")
@click.option("--blur-faces", is_flag=True, help="Hide the faces that are found in recorded pictures.")
@json_option("Print the summary as JSON.")
def run(
    given: Given,
    sources: "Sources",
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
      onlooker run --source day2/walk.mp4 --start-at 2026-11-22T09:00
      onlooker run --source pictures --fps 5
      onlooker run --config shop.yaml --data-dir figures
      onlooker run --source walk.mp4 --record walked
      onlooker report --data-dir figures
    """
    from onlooker.run.words import print_summary
    from onlooker.settings.configuration import with_sources
    from onlooker.settings.judgement import Needs
    from onlooker.wiring.run import RunRequest, execute_run

    options["record"] = _recording(options)
    servers: tuple[Server, ...] = () if options["no_clickhouse"] else ("clickhouse",)
    needs = Needs(
        sources=not sources.names, models=True, people=options["gallery"] is None, data_dir=bool(servers)
    )
    settings = with_sources(given.settings(*servers, needs=needs), sources)
    if not settings.stands:
        raise click.UsageError(
            "Nothing to measure: name a --source, or a --config with stands. "
            "To see it work on sample footage: onlooker demo"
        )
    found = execute_run(settings, RunRequest(**options))
    show = print_json if as_json else print_summary
    show(found)


def _recording(options: dict[str, Any]) -> "RunRecording | None":
    """What is to be recorded, taken out of the options."""
    from onlooker.wiring.record_run import RunRecording

    about = {name: options.pop(name) for name in ("frames_for", "reason", "blur_faces")}
    folder = options.pop("record")
    if folder is None and any(about.values()):
        raise click.UsageError("pictures are recorded into a recording: name one with --record DIR")
    return None if folder is None else RunRecording(folder=folder, **about)
