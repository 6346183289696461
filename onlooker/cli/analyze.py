"""`onlooker analyze`: pictures, folders and videos to one JSON line a picture or frame."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from onlooker.analyze.files import Analysed, analysed, files_of
from onlooker.cli.options import Given, json_option, settings_options
from onlooker.cli.output import write_json_line
from onlooker.foreground.progress import progress


@click.command()
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False), metavar="PATH..."
)
@click.option(
    "--gallery",
    type=click.Path(path_type=Path),
    help="Recognise the people of this gallery (made by `onlooker people enrol`).",
)
@click.option(
    "--draw",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Also write the pictures and videos into DIR with everything that was seen drawn in; "
    "a file that is there is left alone, and a number put behind the new name.",
)
@settings_options()
@json_option("Accepted for symmetry: the output is always JSON.")
def analyze(
    paths: tuple[Path, ...], gallery: Path | None, draw: Path | None, given: Given, as_json: bool
) -> None:
    """See what is in pictures and videos: one JSON line each picture or frame, on stdout.

    PATH is a picture, a video or a folder (searched with its subfolders). Stills are analysed one by one,
    videos with tracking. A file that cannot be read becomes a line with `error`, and the run goes on.

    \b
    Examples:
      onlooker analyze group.jpg | jq '.faces | length'
      onlooker analyze clip.mp4 --draw seen/
      onlooker analyze photos/ --gallery gallery/ > seen.jsonl
    """
    del as_json
    from onlooker.settings.judgement import Needs
    from onlooker.wiring import build_eyes

    files = files_of(paths)
    eyes = build_eyes(given.settings(needs=Needs(models=True, people=gallery is None)), gallery=gallery)
    lines = analysed(files, eyes)
    if draw is not None:
        from onlooker.analyze.drawn import also_drawn

        lines = also_drawn(lines, draw)
    _print(lines, total=len(files))


def _print(lines: Iterator[Analysed], *, total: int) -> None:
    broken, before = 0, None
    with progress("Analysing", total=total, unit="files") as advance:
        for line in lines:
            write_json_line(line.record)
            broken += line.record.error is not None
            if line.path != before:
                advance(1)
                before = line.path
    sys.stdout.flush()
    if broken:
        click.echo(f"{broken} of {total} files could not be read: see their `error`", err=True)
