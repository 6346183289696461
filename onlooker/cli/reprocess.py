"""`onlooker reprocess`: a range of a recording with other models or thresholds, beside the live figures."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from onlooker.cli.options import Given, config_option, json_option, settings_options
from onlooker.cli.output import print_json
from onlooker.foreground.terminal import Terminal
from onlooker.recordings.times import duration_us, instant_us
from onlooker.reprocess.words import (
    SURE,
    ComparedRows,
    difference_row,
    reprocessing_row,
    shown_time,
    tables,
    warnings_of,
    write_csv,
)
from schemas.errors import CheckFailedError

_config = config_option("The changed configuration (YAML) [the one that the recording was made with].")

Found = tuple[Any, Callable[[], None]]
"""What there is to say: values for programs, and what prints the words for people."""


@click.command()
@click.argument(
    "recording", required=False, metavar="[RECORDING]", type=click.Path(path_type=Path, file_okay=False)
)
@settings_options("database", config=_config)
@click.option(
    "--topic",
    type=click.Choice(("observations", "frames")),
    default="observations",
    show_default=True,
    help="What to begin with: other models need frames.",
)
@click.option("--from", "since", metavar="TIME", help="Recompute what begins from then on (UTC).")
@click.option("--until", metavar="TIME", help="Recompute what begins before.")
@click.option("--stand", "stands", multiple=True, metavar="ID", help="Only this stand; several may be given.")
@click.option("--edge", default="15m", show_default=True, help="Replay so much around the range too.")
@click.option("--gallery", type=click.Path(path_type=Path), help="Recognise its people in recorded frames.")
@click.option("--name", help="Of this reprocessing; without RECORDING: compare that one again.")
@json_option("Print every figure as JSON.")
@click.option("--export", type=click.Path(path_type=Path, dir_okay=False), help="Write every figure as CSV.")
@click.option("--switch", is_flag=True, help="Show the recomputed figures in all views, at once.")
@click.option("--partial", is_flag=True, help="Switch although the recording holds less than was measured.")
@click.option("--switch-back", metavar="NAME", help="Show what was there before, at once.")
@click.option("--discard", metavar="NAME", help="Remove a reprocessing without a trace.")
@click.option("--list", "as_list", is_flag=True, help="List the reprocessings.")
def reprocess(
    *,
    given: Given,
    as_json: bool,
    **options: Any,
) -> None:
    """Recompute figures of a RECORDING beside the live ones, compare, then switch or discard.

    Until --switch nobody sees the recomputed figures; from then on everybody does, in every view at once.

    \b
    Examples:
      onlooker reprocess yesterday --config stricter.yaml --name stricter
      onlooker reprocess yesterday --config stricter.yaml --stand door --export difference.csv
      onlooker reprocess --name stricter --switch
      onlooker reprocess --switch-back stricter
      onlooker reprocess --discard stricter
    """
    from onlooker.wiring.reprocess import open_site

    _check(options)
    settings = given.settings("clickhouse")
    with open_site(settings) as site:
        plain, words = _done(site, settings if _is_named() else None, options)
    if as_json:
        print_json(plain)
    else:
        words()


def _is_named() -> bool:
    """Whether the command line names a changed configuration: a variable only says where the database is."""
    return click.get_current_context().get_parameter_source("config_path") is ParameterSource.COMMANDLINE


def _check(options: dict[str, Any]) -> None:
    asked = [name for name in ("switch_back", "discard", "as_list") if options[name]]
    begun = options["recording"] or options["name"] or options["switch"]
    if len(asked) > 1 or (asked and begun):
        raise click.UsageError("say one of RECORDING or --name, --switch-back, --discard, --list")
    if not asked and not (options["recording"] or options["name"]):
        raise click.UsageError("name a RECORDING, or a reprocessing with --name; --list shows them")


def _done(site: Any, settings: Any, options: dict[str, Any]) -> Found:
    there = site.reprocessings
    if options["as_list"]:
        return _listed(there.all())
    if options["discard"]:
        there.discard(there.named(options["discard"]))
        return ({"discarded": options["discard"]}, partial(click.echo, f"discarded {options['discard']}"))
    if options["switch_back"]:
        hidden = there.hide(there.named(options["switch_back"]))
        words = f"the views show again what was there before {hidden.name}"
        return (reprocessing_row(hidden), partial(click.echo, words))
    return _compared(site, settings, options)


def _listed(all_of_them: list[Any]) -> Found:
    rows = [reprocessing_row(each) for each in all_of_them]
    lines = [
        f"{row.name}  {row.state}  {row.begin} to {row.end}  {', '.join(row.stands) or 'no stand yet'}"
        for row in rows
    ]
    return (rows, partial(click.echo, "\n".join(lines) or "there are no reprocessings"))


def _compared(site: Any, settings: Any, options: dict[str, Any]) -> Found:
    recomputed = site.recompute(settings, _request(options)) if options["recording"] else None
    compared = site.compare(recomputed or site.reprocessings.named(options["name"]))
    if options["export"] is not None:
        write_csv(options["export"], compared.differences)
    now = compared.reprocessing
    if options["switch"]:
        if compared.coverage.windows_cut:
            words = next(each for each in warnings_of(compared.coverage) if "another length" in each)
            raise CheckFailedError(f"{now.name} was not switched: {words}.")
        if compared.coverage.windows_short and not options["partial"]:
            words = warnings_of(compared.coverage)[0]
            raise CheckFailedError(f"{now.name} was not switched: {words}; --partial switches all the same.")
        now = site.reprocessings.show(now)
    rows = ComparedRows(
        reprocessing=reprocessing_row(now),
        warnings=tuple(warnings_of(compared.coverage)),
        differences=tuple(difference_row(each) for each in compared.differences),
    )
    return (rows, partial(_print, now, compared))


def _request(options: dict[str, Any]) -> Any:
    from onlooker.wiring.reprocess import ReprocessRequest

    since, until = options["since"], options["until"]
    return ReprocessRequest(
        folder=options["recording"],
        name=options["name"],
        topic=options["topic"],
        stands=options["stands"],
        from_us=None if since is None else instant_us(since),
        until_us=None if until is None else instant_us(until),
        edge_us=duration_us(options["edge"]),
        gallery=options["gallery"],
    )


def _print(reprocessing: Any, compared: Any) -> None:
    console = Terminal(plain_width=160)
    name, stands = reprocessing.name, ", ".join(reprocessing.stand_ids)
    begin, end = shown_time(reprocessing.from_us), shown_time(reprocessing.until_us)
    click.echo(f"{name}: {begin} to {end}, {stands}")
    made = tables(compared.differences)
    for table in made:
        console.print(table)
    click.echo(SURE if made else "Nothing is different.")
    for words in warnings_of(compared.coverage):
        click.echo(f"note: {words}", err=True)
    if reprocessing.state == "shown":
        click.echo(f"The views show it. Back: onlooker reprocess --switch-back {name}")
    else:
        click.echo(f"The views do not show it. To switch: onlooker reprocess --name {name} --switch")
