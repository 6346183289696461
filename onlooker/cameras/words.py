"""What a run or a capture says at its end: a line for each figure, and each camera's problem."""

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.table import Table


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
