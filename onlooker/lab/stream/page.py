"""What `bench stream` measured, for people: tables on a terminal, and as a part of docs/operations.md."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from onlooker.foreground.terminal import Terminal
from onlooker.lab.stream.bench import Found

TITLES = {
    "publish": "Publish",
    "faust": "A pass through Faust",
    "measure": "MEASURE in one embedded process",
    "sink": "Sink",
}
STOPPED = {
    "latency": "one more is too many",
    "stands": "the benchmark tries no more",
    "time": "the benchmark's time was over before one was too many",
}
PERCENTILES = ("p50 ms", "p95 ms", "p99 ms")


def print_found(found: Found, console: Console | None = None) -> None:
    """Print a table for each part, on standard output unless there is a console for it."""
    out, result = console or Terminal(markup=True), msgspec.to_builtins(found)
    for name, part in result["parts"].items():
        if "failed" in part:
            out.print(f"[bold]Not measured:[/] {escape(part['failed'])}")
        elif name == "latency":
            rows = (latency_cells(step) for step in part["steps"])
            out.print(table("Latency from capture to row", ("stands", "rows", *PERCENTILES), rows))
            out.print(f"[dim]{part['meaning']}[/]")
        elif name == "density":
            title = f"Stream density: stands of {part['frames_per_s']} frames/s, p95 <= {part['limit_ms']} ms"
            rows = ([*latency_cells(step), "held" if step["held"] else "TOO LATE"] for step in part["steps"])
            out.print(table(title, ("stands", "frames", *PERCENTILES, "verdict"), rows))
            verdict = f"[bold]{part['highest']} stands[/] ({STOPPED[part['stopped_by']]})."
            out.print(f"{verdict} [dim]{part['meaning']}[/]")
        else:
            out.print(comparisons(TITLES[name], part))
    out.print(f"{_machine(result)} {result['seconds']:.0f} s.")


def comparisons(title: str, measured: Sequence[Any]) -> Table:
    """A table of comparisons (at least one, as JSON has it), each with its floor and its aim below it."""
    rows = []
    for each in measured:
        rows.append((each["name"], *_speed(each["ours"]), _share(each)))
        rows.append((f"[dim]  {each['floor_name']}[/]", *_speed(each["floor"]), ""))
        if each["aim"] is not None:
            rows.append((f"  aim {each['aim']}", "", "", "", "reached" if each["holds"] else "MISSED"))
    return table(title, ("what", f"{measured[0]['unit']}/s", "lowest-highest", "MB/s", "of the floor"), rows)


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, wraps: bool = False) -> Table:
    """A table that fits 80 columns: no frame, a bold title; what is no figure may wrap, or all may."""
    found = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for name in head:
        words = name in ("what", "stage")
        found.add_column(name, justify="left" if words else "right", no_wrap=not (words or wraps))
    for row in rows:
        found.add_row(*row)
    return found


def markdown_of(result: Any) -> str:
    """Tables for docs/operations.md of the JSON of one run, with the machine and what else kept it busy."""
    parts = measured_parts(result)
    compared = [each for name in TITLES for each in parts.get(name, ())]
    head = ("what", "a second", "floor, same run", "share of the floor", "aim")
    found = [_machine(result), markdown_table(head, map(_compared, compared))]
    if latency := parts.get("latency"):
        rows = map(latency_cells, latency["steps"])
        found += [markdown_table(("stands", "rows", *PERCENTILES), rows), latency["meaning"]]
    if density := parts.get("density"):
        rows = map(latency_cells, density["steps"])
        found.append(markdown_table(("stands at 10 frames/s", "frames", *PERCENTILES), rows))
        found.append(
            f"**{density['highest']} stands** (stopped by: {density['stopped_by']}). {density['meaning']}"
        )
    return "\n\n".join(found) + "\n"


def measured_parts(result: Any) -> dict[str, Any]:
    """The parts of the JSON of a run that could be measured, by name."""
    return {name: part for name, part in result["parts"].items() if "failed" not in part}


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, all columns but the first to the right; without a line's end."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def latency_cells(step: Any) -> list[str]:
    """Stands, number of values and three percentiles; what is not known is a dash."""
    percentiles = (step["latency"][name.replace(" ", "_")] for name in PERCENTILES)
    shown = ("-" if ms is None else f"{ms:,.0f}" for ms in percentiles)
    return [str(step["stands"]), str(step["latency"]["count"]), *shown]


def _machine(result: Any) -> str:
    machine = result["machine"]
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}; medians of {result['repeat']} "
        f"turns with the lowest and the highest. What else runs on the machine is noise: load before "
        f"{machine['load_before']}, after {machine['load_after']}."
    )


def _compared(each: Any) -> Sequence[str]:
    ours, floor = each["ours"], each["floor"]
    aim = "" if each["aim"] is None else f"{each['aim']}: {'reached' if each['holds'] else 'missed'}"
    per_s = f"{ours['per_s']:,.0f} {each['unit']} ({ours['lowest_per_s']:,.0f}-{ours['highest_per_s']:,.0f})"
    return each["name"], per_s, f"{floor['per_s']:,.0f} ({each['floor_name']})", _share(each), aim


def _speed(speed: Any) -> tuple[str, str, str]:
    spread = f"{speed['lowest_per_s']:,.0f}-{speed['highest_per_s']:,.0f}"
    return f"{speed['per_s']:,.0f}", spread, "" if speed["mb_per_s"] is None else f"{speed['mb_per_s']:,.1f}"


def _share(each: Any) -> str:
    return f"{each['share']:.2f} ({each['share_lowest']:.2f}-{each['share_highest']:.2f})"
