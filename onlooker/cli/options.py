"""Options that several verbs share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from onlooker.settings.configuration import DEFAULT_DATA_DIR

Command = Callable[..., Any]


def database_options(command: Command) -> Command:
    """The options `--data-dir` and `--url` of a verb that asks the database.

    Args:
        command: the function of the verb.

    Returns:
        The same, with the options.
    """
    data_dir = click.option(
        "--data-dir",
        type=click.Path(path_type=Path),
        help=f"Where `onlooker run` kept its data.  [default: {DEFAULT_DATA_DIR}]",
    )
    url = click.option(
        "--url", help="A ClickHouse server instead: clickhouse://user:password@host:9000/database"
    )
    return data_dir(url(command))
