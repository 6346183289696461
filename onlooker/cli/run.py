"""`onlooker run`: cameras to ClickHouse in one process."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onlooker.cli.options import Given, json_option, settings_options
from onlooker.cli.output import print_json
from onlooker.settings.flags import Server

if TYPE_CHECKING:
    from onlooker.wiring.record_run import RunRecording


@click.command()
@settings_options("database")
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="S",
    help="A video file, a folder of pictures, a USB index or an RTSP/HTTP URL; each is a stand of its own. "
    "May be given several times; replaces the configuration's stands.",
)
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
@click.option(
    "--record", type=click.Path(path_type=Path), help="Also record it into this folder, for `replay`."
)
@click.option("--frames-for", metavar="10m", help="Record pictures too, for so long; needs --reason.")
@click.option("--reason", metavar="TEXT", help="Why pictures are recorded; written into the manifest.")
@click.option("--blur-faces", is_flag=True, help="Hide the faces that are found in recorded pictures.")
@json_option("Print the summary as JSON.")
def run(
    given: Given,
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
      onlooker run --source walk.mp4 --record walked
      onlooker report --data-dir figures
    """
    from onlooker.settings.configuration import with_sources
    from onlooker.wiring.run import RunRequest, execute_run

    options["record"] = _recording(options)
    servers: tuple[Server, ...] = () if options["no_clickhouse"] else ("clickhouse",)
    settings = with_sources(given.settings(*servers), sources)
    if not settings.stands:
        raise click.UsageError(
            "Nothing to measure: name a --source, or a --config with stands. "
            "To see it work on sample footage: onlooker demo"
        )
    found = execute_run(settings, RunRequest(**options))
    if as_json:
        print_json(found)
    else:
        from onlooker.run.words import print_summary

        print_summary(found)


def _recording(options: dict[str, Any]) -> "RunRecording | None":
    """What is to be recorded, taken out of the options."""
    from onlooker.wiring.record_run import RunRecording

    about = {name: options.pop(name) for name in ("frames_for", "reason", "blur_faces")}
    folder = options.pop("record")
    if folder is None and any(about.values()):
        raise click.UsageError("pictures are recorded into a recording: name one with --record DIR")
    return None if folder is None else RunRecording(folder=folder, **about)
