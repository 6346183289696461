"""`python -m onlooker.lab.accuracy`: measures everything and prints the table of the README."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from onlooker.analyze.files import Eyes
from onlooker.lab.accuracy.attributes import age_gender_figures, expression_figures
from onlooker.lab.accuracy.broken import broken_figures
from onlooker.lab.accuracy.clips import clip_figures
from onlooker.lab.accuracy.figure import Figure
from onlooker.lab.accuracy.identity import identity_figures
from onlooker.lab.accuracy.landmarks import landmark_figures
from onlooker.settings.configuration import Settings
from onlooker.wiring import build_eyes
from schemas.errors import UsageError

MEASURES: dict[str, Callable[[Path, Eyes], Iterator[Figure]]] = {
    "clips": clip_figures,
    "landmarks": landmark_figures,
    "identity": lambda data, _: identity_figures(data),
    "age-gender": age_gender_figures,
    "expressions": expression_figures,
    "broken": lambda data, _: broken_figures(data),
}
"""What takes the figures of each part, from the evaluation data by eyes that know nobody."""


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="The data [$ONLOOKER_DATA or ../shared/data].")
@click.option("--only", type=click.Choice(tuple(MEASURES)), multiple=True, help="Measure this part only.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
@click.option("--markdown", is_flag=True, help="The table of the README.")
def measure(data: Path | None, only: tuple[str, ...], as_json: bool, markdown: bool) -> None:
    """Measure accuracy on labelled data, by the same code as `onlooker analyze`; about ten minutes."""
    folder = data or Path(os.environ.get("ONLOOKER_DATA", "../shared/data"))
    if not folder.is_dir():
        raise UsageError(f"There is no evaluation data at {folder}: set ONLOOKER_DATA.")
    eyes, figures = build_eyes(Settings(), gallery=None), list[Figure]()
    for part in only or MEASURES:
        click.echo(f"measuring {part} ...", err=True)
        figures += MEASURES[part](folder.resolve(), eyes)
    if as_json:
        click.echo(json.dumps([msgspec.to_builtins(figure) for figure in figures]))
    elif markdown:
        click.echo("\n".join(_markdown(figures)))
    else:
        _print(figures)
    if any(figure.reached is False for figure in figures):
        sys.exit(1)


def _cells(figure: Figure) -> tuple[str, ...]:
    verdict = {True: "yes", False: "NO", None: ""}[figure.reached]
    value = f"{figure.value:.3f}".rstrip("0").rstrip(".")
    return figure.name, value, figure.aim, verdict, str(figure.cases), figure.note


HEADER = ("figure", "measured", "aim", "reached", "cases", "note")


def _markdown(figures: list[Figure]) -> Iterator[str]:
    yield f"| {' | '.join(HEADER)} |"
    yield "|" + " --- |" * len(HEADER)
    for figure in figures:
        yield f"| {' | '.join(_cells(figure))} |"


def _print(figures: list[Figure]) -> None:
    table = Table(*HEADER)
    for figure in figures:
        table.add_row(*_cells(figure))
    Console().print(table)


if __name__ == "__main__":
    measure()
