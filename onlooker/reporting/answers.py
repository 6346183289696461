"""The answer to a question, line by line: a table, or row below row where a terminal is too narrow."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, zip_longest
from typing import Any

from rich.cells import cell_len

from onlooker.reporting.plain import plain

LOOKED_AT = 1_000
"""So many first rows say how wide the columns are: a longer value below them pushes its own row only."""
Row = Sequence[Any]


def answer_lines(names: Sequence[str], rows: Iterable[Row], width: int | None) -> Iterator[str]:
    """An answer for a terminal of so many characters (None: no limit), line by line as its rows come.

    Args:
        names: of the columns.
        rows: values in the same order.
        width: of the terminal, characters.

    Returns:
        A table with a column a name when the first rows fit, else a line a value, row after row.
    """
    coming = iter(rows)
    first = list(islice(coming, LOOKED_AT))
    looked_at = [names, *map(_cells, first)]
    widths = [max(map(_cell_width, column)) for column in zip(*looked_at, strict=True)]
    every = chain(first, coming)
    if width is None or not first or sum(widths) + 2 * len(widths) <= width:
        return _wide(names, every, widths, [_is_numeric(first, place) for place in range(len(names))])
    return _stacked(names, every)


def _wide(
    names: Sequence[str], rows: Iterable[Row], widths: Sequence[int], numeric: Sequence[bool]
) -> Iterator[str]:
    yield _line(names, widths, numeric)
    yield "─" * (sum(widths) + 2 * len(widths))
    for row in rows:
        cells = _cells(row)
        if any("\n" in cell for cell in cells):
            for parts in zip_longest(*(cell.split("\n") for cell in cells), fillvalue=""):
                yield _line(parts, widths, numeric)
        else:
            yield _line(cells, widths, numeric)


def _line(cells: Iterable[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    return " " + "  ".join(map(_padded, cells, widths, numeric)).rstrip()


def _padded(cell: str, width: int, is_number: bool) -> str:
    space = " " * (width - cell_len(cell))
    return space + cell if is_number else cell + space


def _stacked(names: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    width = max(map(cell_len, names))
    for number, row in enumerate(rows):
        if number:
            yield ""
        for name, cell in zip(names, _cells(row), strict=True):
            head, *more = cell.split("\n")
            yield f" {_padded(name, width, is_number=False)}  {head}"
            yield from (f" {'':{width}}  {line}" for line in more)


def _is_numeric(rows: Sequence[Row], place: int) -> bool:
    return all(isinstance(row[place], int | float) for row in rows)


def _cell_width(cell: str) -> int:
    return max(map(cell_len, cell.split("\n")))


def _cells(row: Row) -> list[str]:
    return [_cell(value) for value in row]


def _cell(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(plain(value))
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    """A character that does not steer a terminal."""
    return character if character == "\n" or character.isprintable() else repr(character)[1:-1]
