"""`onlooker report`: what campaigns were worth, as a table with charts, as a page or as JSON."""

from pathlib import Path

import click
import msgspec

from onlooker.cli.options import Given, json_option, settings_options
from onlooker.cli.output import print_json_lines
from onlooker.foreground.terminal import Terminal
from onlooker.reporting.figures import load_reports
from onlooker.reporting.plain import plain
from onlooker.reporting.terminal import render
from onlooker.wiring.database import opened
from onlooker.wiring.measured import rate_warnings
from schemas.durable import write_whole
from schemas.files import in_words
from schemas.names import quoted


@click.command()
@click.argument("campaign", required=False)
@settings_options("database")
@json_option("For programs: one JSON object with all figures.")
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write one self-contained page."
)
def report(campaign: str | None, given: Given, as_json: bool, html: Path | None) -> None:
    """The report of one CAMPAIGN or of all: who was there, who looked, for how long, who they were.

    \b
    Examples:
      onlooker report
      onlooker report spring-coffee --html report.html
      onlooker report --json --data-dir demo-data
    """
    if html is not None:
        folder = html.absolute().parent
        with in_words(folder, "written"):  # before anything else is done for the page
            folder.mkdir(parents=True, exist_ok=True)
    settings = given.settings("clickhouse")
    with opened(settings) as store:
        reports = load_reports(store, campaign, rate_warnings(settings))
    if html is not None:
        from onlooker.reporting.page import page

        with in_words(html, "written"):
            _write(html, page(reports).encode())
        click.echo(f"wrote {quoted(html.resolve())}", err=True)
    if as_json:
        print_json_lines([{"campaigns": [plain(msgspec.to_builtins(one)) for one in reports]}])
    elif html is None:
        console = Terminal()
        for one in reports:
            console.print(render(one))


def _write(path: Path, content: bytes) -> None:
    """Write a page whole or not at all; into what is no plain file as it comes."""
    if path.is_file() or not path.exists():
        write_whole(path, content)
    else:
        path.write_bytes(content)
