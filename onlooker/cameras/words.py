"""What a run or a capture says at its end: a line for each figure, and each camera's problem."""

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.table import Table

from producers.cameras.event_time import DIRECTIONS


def print_lines(
    console: Console, lines: Iterable[tuple[str, str]], problems: Iterable[tuple[str, str, str | None]]
) -> None:
    """Print the lines of a summary, and the problem of each camera (stand, camera, None: it has none)."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, words in lines:
        table.add_row(name, words)
    console.print(table)
    for stand_id, camera_id, problem in problems:
        if problem:
            console.print(f"{stand_id}/{camera_id}: {problem}", style="yellow", soft_wrap=True)


def dropped_words(count: int, by_cause: Mapping[str, int]) -> str:
    """How many frames were dropped, and why."""
    causes = ", ".join(f"{each} {cause}" for cause, each in sorted(by_cause.items()))
    return f"{count} ({causes})" if causes else f"{count}"


def clock_words(cameras: Iterable[Mapping[str, int]]) -> str | None:
    """How often the wall clock was set, by what each camera counted; None: never."""
    found = list(cameras)
    most = {
        way: max((by_cause.get(f"clock_{way}", 0) for by_cause in found), default=0) for way in DIRECTIONS
    }
    said = [f"{count} x {way}" for way, count in most.items() if count]
    return f"set {', '.join(said)}: event time followed" if said else None
