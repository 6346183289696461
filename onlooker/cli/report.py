"""`onlooker report`: what campaigns were worth, as a table with charts, as a page or as JSON."""

import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console

from onlooker.reporting.figures import load_reports
from onlooker.reporting.opening import database_options, opened
from onlooker.reporting.plain import plain
from onlooker.reporting.terminal import render


@click.command()
@click.argument("campaign", required=False)
@database_options
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object with all figures.")
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write one self-contained page."
)
def report(
    campaign: str | None, data_dir: Path | None, url: str | None, as_json: bool, html: Path | None
) -> None:
    """The report of one CAMPAIGN or of all: who was there, who looked, for how long, who they were.

    \b
    Examples:
      onlooker report
      onlooker report spring-coffee --html report.html
      onlooker report --json --data-dir demo-data
    """
    with opened(data_dir, url) as store:
        reports = load_reports(store, campaign)
    if html is not None:
        from onlooker.reporting.page import page

        html.write_text(page(reports), encoding="utf-8")
        click.echo(f"wrote {html.resolve()}", err=True)
    if as_json:
        whole = {"campaigns": [plain(msgspec.to_builtins(one)) for one in reports]}
        sys.stdout.buffer.write(msgspec.json.encode(whole) + b"\n")
        sys.stdout.buffer.flush()
    elif html is None:
        console = Console()
        for one in reports:
            console.print(render(one))
