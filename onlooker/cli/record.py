"""`onlooker record`: topics of Kafka into a recording."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onlooker.cli.options import Given, json_option, settings_options
from onlooker.cli.output import print_json
from onlooker.cli.watched import TelemetryFlags, telemetry_options
from schemas.topics import TOPICS

if TYPE_CHECKING:
    from onlooker.wiring.record import RecordSummary


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@settings_options("brokers")
@click.option(
    "--topic",
    "topics",
    multiple=True,
    type=click.Choice([topic for topic in TOPICS if topic != "dead_letters"]),
    help="May be given several times [observations, plays, visits, campaign_windows].",
)
@click.option(
    "--from",
    "since",
    metavar="TIME|OFFSET|begin",
    help="Where a new recording begins [with what comes from now on]; one that is there goes on at its end.",
)
@click.option("--until", metavar="TIME|OFFSET|now", help="Stop at what arrived later [record until stopped].")
@click.option("--frames-for", metavar="10m", help="Record pictures too, for so long; needs --reason.")
@click.option("--reason", metavar="TEXT", help="Why pictures are recorded; written into the manifest.")
@click.option("--blur-faces", is_flag=True, help="Hide the faces that are found in recorded pictures.")
@click.option("--keep", metavar="7d", help="Delete hours that ended longer ago, while recording [keep all].")
@json_option("Print the summary as JSON.")
@telemetry_options
def record(
    *,
    given: Given,
    frames_for: str | None,
    keep: str | None,
    as_json: bool,
    telemetry_flags: TelemetryFlags,
    **options: Any,
) -> None:
    """Record topics into a folder, which any Avro tool reads and `onlooker replay` plays back.

    What is recorded lasts within a second, also through a kill; started again it goes on where it ended.
    Ctrl-C or SIGTERM ends it. Pictures are recorded only for a time and a reason.

    \b
    Examples:
      onlooker record tonight
      onlooker record yesterday --from 2026-11-20 --until 2026-11-21
      onlooker record strange --frames-for 10m --reason "camera 2 counts twice" --blur-faces
    """
    from onlooker.foreground.stopping import stopped_by_signals
    from onlooker.recordings.times import duration_us
    from onlooker.settings.judgement import Needs
    from onlooker.wiring.record import RecordRequest, execute_record

    settings = given.settings("kafka", "registry", needs=Needs(models=options["blur_faces"]))
    frames_for_us, keep_us = (None if each is None else duration_us(each) for each in (frames_for, keep))
    request = RecordRequest(frames_for_us=frames_for_us, keep_us=keep_us, **options)
    stop = threading.Event()
    with telemetry_flags.watching("record", settings) as watch, stopped_by_signals(stop):
        found = execute_record(settings, request, watch, stop)
    show = print_json if as_json else _print
    show(found)


def _print(found: "RecordSummary") -> None:
    click.echo(f"{found.recorded} messages recorded in {found.folder}")
    for torn in found.breaks:
        click.echo(f"an earlier recorder was killed: {torn.dropped_bytes} bytes of {torn.path} dropped")
    for cause, count in found.left_out.items():
        click.echo(f"left out: {count} {cause}")
