"""`onlooker report`: what campaigns were worth, as a table with charts, as a page or as JSON."""

import errno
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
from rich.console import Console

from onlooker.cli.options import Given, json_option, settings_options
from onlooker.cli.output import print_json_lines
from onlooker.reporting.figures import CampaignReport, load_reports
from onlooker.reporting.plain import plain
from onlooker.reporting.terminal import render
from onlooker.wiring.database import opened
from schemas.errors import LimitReachedError, OnlookerError, UsageError


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
        _check_writable(html.absolute().parent)
    with opened(given.settings("clickhouse")) as store:
        reports = load_reports(store, campaign)
    if html is not None:
        _write_page(html, reports)
    if as_json:
        print_json_lines([{"campaigns": [plain(msgspec.to_builtins(one)) for one in reports]}])
    elif html is None:
        console = Console()
        for one in reports:
            console.print(render(one))


def _check_writable(folder: Path) -> None:
    """Make the folder of a page before anything else is done for it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_written(folder, error) from error


def _write_page(html: Path, reports: Sequence[CampaignReport]) -> None:
    from onlooker.reporting.page import page

    try:
        html.write_text(page(reports), encoding="utf-8")
    except OSError as error:
        raise _not_written(html, error) from error
    click.echo(f"wrote {html.resolve()}", err=True)


def _not_written(path: Path, error: OSError) -> OnlookerError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return LimitReachedError(f"the disk is full, {path} cannot be written: free some space")
    return UsageError(f"{path} cannot be written ({error.strerror}): name a file in a folder of yours")
