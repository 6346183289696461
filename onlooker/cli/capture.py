"""`onlooker capture`: the service that sends cameras to Kafka."""

from pathlib import Path
from typing import Any

import click

from onlooker.cli.options import Given, json_option, settings_options
from onlooker.cli.output import print_json
from onlooker.telemetry import TelemetryFlags, telemetry_options


@click.command()
@settings_options("brokers")
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="S",
    help="A video file, a folder of pictures, a USB index or an RTSP/HTTP URL; each is a stand of its own. "
    "May be given several times; replaces the configuration's stands.",
)
@click.option(
    "--stand", "stands", multiple=True, metavar="ID", help="Only this stand; may be given several times."
)
@click.option(
    "--pace",
    type=click.Choice(["real", "fast"]),
    default="fast",
    show_default=True,
    help="Recordings at their own speed (frames may be dropped) or as fast as can be (none is).",
)
@click.option(
    "--from-start", is_flag=True, help="Send recordings from their first frame, whatever was sent before."
)
@click.option(
    "--data-dir", type=click.Path(path_type=Path), help="Where is noted what has arrived [onlooker-data]."
)
@json_option("Print the summary as JSON.")
@telemetry_options
def capture(
    given: Given,
    sources: tuple[str, ...],
    as_json: bool,
    telemetry_flags: TelemetryFlags,
    **options: Any,
) -> None:
    """Send the frames and plays of stands to Kafka, until the recordings end or for ever.

    A recording goes on where Kafka acknowledged it, also after a kill; a live camera drops its oldest frames
    while Kafka is away. Ctrl-C or SIGTERM ends cleanly and leaves visits open for the next capture.

    \b
    Examples:
      onlooker topics create
      onlooker capture --source walk.mp4
      onlooker capture --config shop.yaml --stand door --metrics-port 9100
    """
    from onlooker.settings.configuration import with_sources
    from onlooker.settings.passwords import secrets_of
    from onlooker.wiring.capture import CaptureRequest, execute_capture

    settings = with_sources(given.settings("kafka", "registry"), sources)
    if not settings.stands:
        raise click.UsageError("Nothing to capture: name a --source, or a --config with stands.")
    with telemetry_flags.watching("capture", secrets=secrets_of(settings)) as watch:
        found = execute_capture(settings, CaptureRequest(**options), watch)
    if as_json:
        print_json(found)
    else:
        from onlooker.capture.words import print_capture

        print_capture(found)
