"""Tables as people save them: commas, semicolons or tabs, from spreadsheets of any country."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from schemas.errors import UsageError

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
MOST_BYTES = 64 * 1024 * 1024
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_SAVE_AS = "Save it as CSV in UTF-8."


def rows_of(table: Path, wanted: frozenset[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a table.

    Args:
        table: a CSV file; its first line names the columns, in any case and with spaces around them. A first
            line `sep=;`, as spreadsheets write it, is understood.
        wanted: columns that there must be.

    Yields:
        The number of the line, and its fields by column, without spaces around them.

    Raises:
        UsageError: a column is missing, or it is no such table; says what was found and what is wanted.
    """
    text = _text_of(table)
    lines, delimiter = _delimited(text.lstrip("\n"))
    reader = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter, skipinitialspace=True)
    skipped = text.count("\n") + 1 - len(lines)
    try:
        names = [_named(name, wanted) for name in next(reader, [])]
        _check(table, names, wanted, delimiter)
        for row in reader:
            if any(row):
                yield reader.line_num + skipped, {n: f.strip() for n, f in zip(names, row, strict=False) if n}
    except csv.Error as error:
        raise UsageError(
            f"{table}, line {reader.line_num + skipped} is no line of a table ({error})."
        ) from error


def _text_of(table: Path) -> str:
    with table.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise UsageError(f"{table} has more than {MOST_BYTES} bytes: that is no table of people.")
    try:
        text = data.decode(_BOMS.get(data[:2], "utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{table} is not text in UTF-8 ({error.reason} at byte {error.start}). {_SAVE_AS}"
        ) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise UsageError(f"{table}, line {line} has a NUL byte in it: it is damaged, or no text. {_SAVE_AS}")
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


def _delimited(text: str) -> tuple[list[str], str]:
    """The lines of the table itself, and what stands between its fields."""
    lines = text.split("\n")
    said = lines[0].lower().removeprefix("sep=")
    if said != lines[0].lower() and said in DELIMITERS:
        return lines[1:], said
    return lines, max(DELIMITERS, key=lines[0].count)


def _named(name: str, wanted: frozenset[str]) -> str:
    """`Person ID` and `person_id` are one column; a label keeps its own spelling."""
    plain = "_".join(name.lower().replace("-", " ").split())
    return plain if plain in wanted else name.strip()


def _check(table: Path, names: list[str], wanted: frozenset[str], delimiter: str) -> None:
    missing = sorted(wanted - set(names))
    if missing:
        found = ", ".join(names) or "nothing"
        raise UsageError(
            f"{table} has no column {' and no column '.join(missing)}: its first line, read with "
            f"{DELIMITERS[delimiter]} between the columns, names {found}. "
            "It has to be person_id,path and any further labels."
        )
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise UsageError(
            f"{table} has more than one column {' and more than one column '.join(twice)}: leave one of them."
        )
