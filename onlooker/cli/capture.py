"""`onlooker capture`: the service that sends cameras to Kafka."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onlooker.cli.options import (
    Given,
    json_option,
    pace_option,
    settings_options,
    sources_options,
    stands_option,
)
from onlooker.cli.output import print_json
from onlooker.cli.watched import TelemetryFlags, telemetry_options

if TYPE_CHECKING:
    from onlooker.settings.configuration import Sources


@click.command()
@settings_options("brokers")
@sources_options
@stands_option
@pace_option
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
    sources: "Sources",
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
    from onlooker.capture.words import print_capture
    from onlooker.settings.configuration import with_sources
    from onlooker.settings.judgement import Needs
    from onlooker.wiring.capture import CaptureRequest, execute_capture

    needs = Needs(sources=not sources.names, stands=options["stands"])
    settings = with_sources(given.settings("kafka", "registry", needs=needs), sources)
    if not settings.stands:
        raise click.UsageError("Nothing to capture: name a --source, or a --config with stands.")
    with telemetry_flags.watching("capture", settings) as watch:
        found = execute_capture(settings, CaptureRequest(**options), watch)
    show = print_json if as_json else print_capture
    show(found)
