"""Results for programs: JSON on stdout."""

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import click
import msgspec

AT_ONCE = 1_000
"""So many lines are written at once."""
T = TypeVar("T")


def print_json(found: Any) -> None:
    """Print Structs, also in sequences and mappings, as JSON in one line, ASCII only."""
    click.echo(json.dumps(msgspec.to_builtins(found, str_keys=True)))


def print_compact_json(found: Any) -> None:
    """The same without a space, and with every letter as itself."""
    click.echo(msgspec.json.encode(found).decode())


def print_json_lines(rows: Iterable[Any]) -> None:
    """Print one compact JSON value a line as they come, in UTF-8 whatever the terminal wants."""
    encoder = msgspec.json.Encoder()
    for some in _batches(rows):
        sys.stdout.buffer.write(encoder.encode_lines(some))
        sys.stdout.buffer.flush()


def print_lines(lines: Iterable[str]) -> None:
    """Print lines of text as they come."""
    for some in _batches(lines):
        sys.stdout.write("\n".join(some) + "\n")
        sys.stdout.flush()


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    coming = iter(rows)
    while some := list(islice(coming, AT_ONCE)):
        yield some
