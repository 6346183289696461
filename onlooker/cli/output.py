"""Results for programs: one JSON value on stdout."""

import json
from typing import Any

import click
import msgspec


def print_json(found: Any) -> None:
    """Print a result as JSON, in one line.

    Args:
        found: a Struct, or Structs in a sequence or a mapping.
    """
    click.echo(json.dumps(msgspec.to_builtins(found)))
