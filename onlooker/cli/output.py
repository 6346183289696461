"""Results for programs: JSON on stdout."""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import click
import msgspec

from schemas.names import sendable

_UNSAFE = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Characters that JSON may hold as they are, and that a terminal may obey."""
AT_ONCE = 1_000
"""So many lines are written at once."""
T = TypeVar("T")


def print_json(found: Any) -> None:
    """Print Structs, also in sequences and mappings, as JSON in one line, ASCII only."""
    click.echo(json.dumps(_sendable(msgspec.to_builtins(found, str_keys=True))))


def print_compact_json(found: Any) -> None:
    """The same without a space, and with every letter as itself."""
    click.echo(_json(found))


def print_json_lines(rows: Iterable[Any]) -> None:
    """Print one compact JSON value a line as they come, in UTF-8 whatever the terminal wants."""
    sys.stdout.flush()
    for some in _batches(rows):
        sys.stdout.buffer.write("".join(f"{_json(row)}\n" for row in some).encode())
        sys.stdout.buffer.flush()


def print_lines(lines: Iterable[str]) -> None:
    """Print lines of text as they come."""
    for some in _batches(lines):
        sys.stdout.write("\n".join(some) + "\n")
        sys.stdout.flush()


def write_json_line(found: Any) -> None:
    """Write one compact JSON value and a line feed; whoever writes many flushes at the end."""
    sys.stdout.write(_json(found) + "\n")


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    coming = iter(rows)
    while some := list(islice(coming, AT_ONCE)):
        yield some


def _json(found: Any) -> str:
    try:
        text = msgspec.json.encode(found).decode()
    except UnicodeEncodeError:  # a name that is not UTF-8
        text = msgspec.json.encode(_sendable(msgspec.to_builtins(found, str_keys=True))).decode()
    return _UNSAFE.sub(lambda one: f"\\u{ord(one[0]):04x}", text)


def _sendable(value: Any) -> Any:
    """Plain values whose every text can be written as UTF-8."""
    if isinstance(value, str):
        return value if value.isascii() else sendable(value)
    if isinstance(value, dict):
        return {_sendable(name): _sendable(inside) for name, inside in value.items()}
    if isinstance(value, list | tuple):
        return [_sendable(inside) for inside in value]
    return value
