"""`onlooker recording`: what a recording holds, whether it is whole, and the end of what is old."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onlooker.cli.options import json_option
from onlooker.cli.output import print_json
from onlooker.recordings.times import duration_us, time_words

if TYPE_CHECKING:
    from onlooker.recordings.checks import TopicSummary
    from schemas.recording.manifest import Manifest

_folder = click.argument(
    "folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False)
)
_as_json = json_option("Print it as JSON.")


@click.group()
def recording() -> None:
    """Look after recordings.

    \b
    Examples:
      onlooker recording show tonight
      onlooker recording verify tonight
      onlooker recording expire tonight --older-than 7d
    """


@recording.command()
@_folder
@_as_json
@click.option("--digest", is_flag=True, help="Also read everything and say the digests, as `replay` does.")
def show(folder: Path, as_json: bool, digest: bool) -> None:
    """What a recording holds: topics, times, offsets, and who allowed pictures."""
    from onlooker.recordings.checks import digests, shown

    opened, topics = shown(folder)
    found = digests(folder) if digest else {}
    if as_json:
        print_json({"topics": topics, "manifest": opened.manifest, **found})
        return
    _print(opened.manifest, topics)
    for topic, hexadecimal in found.get("digests", {}).items():
        click.echo(f"digest of {topic}: {hexadecimal}")


@recording.command()
@_folder
@_as_json
def verify(folder: Path, as_json: bool) -> None:
    """Read all of a recording and compare it with its manifest. Exit 1 if something is wrong."""
    from onlooker.recordings.checks import problems

    found = list(problems(folder))
    if as_json:
        print_json({"problems": found})
    else:
        for sentence in found:
            click.echo(sentence, err=True)
        click.echo("Something is wrong with it." if found else "It is whole.")
    if found:
        sys.exit(1)


@recording.command()
@_folder
@click.option("--older-than", required=True, metavar="7d", help="Hours that ended earlier are deleted.")
@_as_json
def expire(folder: Path, older_than: str, as_json: bool) -> None:
    """Delete the hours of a recording that are old; the manifest keeps what they were."""
    from sinks.recording.expiry import expired

    now_us = time.time_ns() // 1000
    gone = expired(folder, now_us - duration_us(older_than), now_us)
    if as_json:
        print_json({"expired": gone})
        return
    for each in gone:
        click.echo(f"deleted {each.path} ({each.records} messages)")
    if not gone:
        click.echo("Nothing is that old.")


def _print(manifest: "Manifest", topics: "list[TopicSummary]") -> None:
    from rich.table import Table

    from onlooker.foreground.terminal import Terminal

    console = Terminal(plain_width=160)
    source = "Kafka" if manifest.source == "kafka" else "a run in one process"
    console.print(
        f"recorded from {source} by onlooker {manifest.program_version}, "
        f"begun {time_words(manifest.created_us)}"
    )
    table = Table(
        "topic", "messages", "first event (UTC)", "last event (UTC)", "files", "bytes", "partitions"
    )
    for each in topics:
        summary = each.summary
        table.add_row(
            each.topic,
            str(summary.records),
            time_words(summary.t_first_us),
            time_words(summary.t_last_us),
            str(each.files),
            str(each.size_bytes),
            " ".join(f"{p}:{span.first}-{span.last}" for p, span in sorted(summary.partitions.items())),
        )
    console.print(table)
    for each in topics:
        if each.torn_bytes:
            console.print(f"{each.topic}: {each.torn_bytes} bytes of a torn block are left out")
    _print_notes(console, manifest)


def _print_notes(console: Any, manifest: "Manifest") -> None:
    for grant in manifest.grants:
        faces = "faces blurred" if grant.faces_blurred else "faces as they are"
        console.print(
            f"pictures from {time_words(grant.from_us)} until {time_words(grant.until_us)} ({faces}), "
            f"granted by {grant.by}: {grant.reason}",
        )
    for torn in manifest.breaks:
        console.print(
            f"its writer was killed: {torn.dropped_bytes} bytes of {torn.path} dropped, seen "
            f"{time_words(torn.seen_us)}"
        )
    for gap in manifest.gaps:
        console.print(f"{gap.topic} partition {gap.partition}: {gap.end - gap.first} messages came too late")
    for cause, count in manifest.left_out.items():
        console.print(f"left out: {count} {cause}")
    if manifest.expired:
        records = sum(each.records for each in manifest.expired)
        console.print(f"expired: {len(manifest.expired)} files with {records} messages")
