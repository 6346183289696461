"""Prints what `bench stream` measured, for people."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from onlooker.lab.stream.bench import Found
from onlooker.lab.stream.figures import Comparison, Speed
from onlooker.lab.stream.shapes import plain_table

TITLES = {
    "publish": "Publish",
    "measure": "MEASURE in one embedded process",
    "faust": "A pass through Faust",
    "sink": "Sink",
}


def print_found(found: Found, console: Console | None = None) -> None:
    """Print a table for each part.

    Args:
        found: what was measured.
        console: where to; None: standard output.
    """
    out = console or Console(highlight=False)
    for part, measured in found.parts.items():
        if isinstance(measured, list):
            out.print(_comparisons(TITLES[part], measured))
        else:
            measured.show(out)
    machine = found.machine
    out.print(
        f"{machine.cpu}, {machine.cores} cores, {machine.system}; medians of {found.repeat} turns with the "
        f"lowest and the highest; {found.seconds:.0f} s. Load before {machine.load_before}, after "
        f"{machine.load_after}: what else runs here is noise."
    )


def _comparisons(title: str, measured: Sequence[Comparison]) -> Table:
    table = plain_table(title)
    table.add_column("what")
    for name in (f"{measured[0].unit}/s", "lowest-highest", "MB/s", "of the floor"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in measured:
        table.add_row(each.name, *_speed(each.ours), _share(each))
        table.add_row(f"[dim]  {each.floor_name}[/]", *_speed(each.floor), "")
        if each.aim is not None:
            table.add_row(f"  aim {each.aim}", "", "", "", "reached" if each.holds else "MISSED")
    return table


def _speed(speed: Speed) -> tuple[str, str, str]:
    spread = f"{speed.lowest_per_s:,.0f}-{speed.highest_per_s:,.0f}"
    return f"{speed.per_s:,.0f}", spread, "" if speed.mb_per_s is None else f"{speed.mb_per_s:,.1f}"


def _share(each: Comparison) -> str:
    return f"{each.share:.2f} ({each.share_lowest:.2f}-{each.share_highest:.2f})"
