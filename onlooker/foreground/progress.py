"""Progress on stderr for long work: a bar on a terminal, nothing otherwise."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from onlooker.foreground.terminal import Terminal
from onlooker.models.prepare import Progress as OnStep
from onlooker.models.prepare import Step


@contextmanager
def progress(words: str, *, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
    """A progress bar around a piece of work.

    Args:
        words: what is being done.
        total: how much there is to do; None when nobody knows (live cameras).
        unit: what is counted.

    Yields:
        A function to call with what was done since the last call.
    """
    console = Terminal(stderr=True)
    if not (console.is_terminal and sys.stderr.isatty()):
        yield lambda _: None
        return
    columns = (
        TextColumn("{task.description}", style="bold", markup=False),
        BarColumn(),
        TextColumn("{task.completed:,.0f}") if total is None else MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(words, total=total)
        yield lambda done: bar.advance(task, done)


@contextmanager
def wheel_bars() -> Iterator[OnStep]:
    """A bar for each wheel on a terminal, nothing otherwise."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[phase]}"),
    )
    with Progress(*columns, console=Terminal(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def show(step: Step) -> None:
            if step.wheel not in tasks:
                tasks[step.wheel] = bars.add_task(step.wheel, total=step.total_bytes, phase=step.phase)
            bars.update(tasks[step.wheel], completed=step.done_bytes, phase=step.phase)

        yield show
