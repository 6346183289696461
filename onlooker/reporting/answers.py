"""The answer to a question as a table, or row below row where a terminal is too narrow for one."""

from rich import box
from rich.table import Table

from onlooker.foreground.terminal import Terminal
from onlooker.reporting.plain import plain
from sinks.store.clickhouse import Answer

UNLIMITED = 100_000


def laid_out(answer: Answer, width: int | None) -> Table:
    """An answer for a terminal of so many characters (None: no limit).

    A table with a column a name when that fits, else a line a value, row after row.
    """
    table = _wide(answer)
    return table if width is None or full_width(table) <= width or not answer.rows else _stacked(answer)


def full_width(table: Table) -> int:
    """How wide a table is when nothing is folded, characters."""
    return Terminal(width=UNLIMITED).measure(table).maximum


def _wide(answer: Answer) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for place, name in enumerate(answer.names):
        numbers = all(isinstance(row[place], int | float) for row in answer.rows[:100])
        table.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in answer.rows:
        table.add_row(*(_cell(value) for value in row))
    return table


def _stacked(answer: Answer) -> Table:
    table = Table(box=box.SIMPLE, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for row in answer.rows:
        for name, value in zip(answer.names, row, strict=True):
            table.add_row(name, _cell(value))
        table.add_section()
    return table


def _cell(value: object) -> str:
    if value is None:
        return "NULL"
    return f"{value:.6g}" if isinstance(value, float) else str(plain(value))
