"""The database that a verb asks: a data directory or a server by URL, and what stands in its way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from schemas.errors import UsageError
from sinks.address import address_from_url
from sinks.asking import asking
from sinks.clickhouse import ClickHouse, create_database

DEFAULT_DATA_DIR = Path("onlooker-data")
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


@contextmanager
def opened(
    data_dir: Path | None, url: str | None, *, read_only: bool = True, create: bool = False
) -> Iterator[ClickHouse]:
    """A connection to the database that the options name.

    Args:
        data_dir: of the embedded server.
        url: of another server.
        read_only: refuse statements that change something.
        create: create the database of the URL if need be.

    Yields:
        The connection.

    Raises:
        UsageError: both are given, or there is no data.
    """
    if data_dir is not None and url is not None:
        raise UsageError("say either --data-dir or --url, not both")
    if url is None:
        with asking(data_dir or DEFAULT_DATA_DIR, analyst=read_only) as store:
            yield store
        return
    address = address_from_url(url)
    if create:
        create_database(address)
    store = ClickHouse(address, read_only=read_only)
    try:
        store.check_version()
        yield store
    finally:
        store.close()
