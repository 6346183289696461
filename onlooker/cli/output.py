"""Results for programs: JSON on stdout."""

import json
import sys
from collections.abc import Iterable
from typing import Any

import click
import msgspec


def print_json(found: Any) -> None:
    """Print Structs, also in sequences and mappings, as JSON in one line, ASCII only."""
    click.echo(json.dumps(msgspec.to_builtins(found, str_keys=True)))


def print_compact_json(found: Any) -> None:
    """The same without a space, and with every letter as itself."""
    click.echo(msgspec.json.encode(found).decode())


def print_json_lines(rows: Iterable[Any]) -> None:
    """Print one compact JSON value a line, in UTF-8 whatever the terminal wants."""
    sys.stdout.buffer.write(msgspec.json.Encoder().encode_lines(rows))
    sys.stdout.buffer.flush()
