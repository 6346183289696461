"""Asking a data directory: the server of a live run if there is one, else a server for the question."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import DependencyAwayError, UsageError
from schemas.names import quoted
from sinks.ownership import InUseError
from sinks.store.address import Address
from sinks.store.clickhouse import ClickHouse
from sinks.store.embedded.files import STORE, read_connection
from sinks.store.embedded.server import EmbeddedOptions, EmbeddedServer, address_of

STEP_S = 0.1
Reached = Callable[[Address], ClickHouse]


@contextmanager
def asking(
    data_dir: Path, *, analyst: bool = True, read_only: bool = True, patience_s: float = 10.0
) -> Iterator[ClickHouse]:
    """A connection to what a data directory holds, while a run writes there or after it has ended.

    Args:
        data_dir: what `--data-dir` of a run named.
        analyst: as the user that may only read, and no dead letters.
        read_only: refuse statements that change something; an analyst's are refused anyway.
        patience_s: how long to wait for the server of a run that has just begun, s.

    Yields:
        A connection; a server started for the question ends with it.

    Raises:
        UsageError: there is no data.
        DependencyAwayError: the directory is owned by a process whose server does not answer.
    """
    if not (data_dir / STORE).is_dir():
        raise UsageError(
            f"there is no data in {quoted(data_dir)}: "
            f"make some with `onlooker run --data-dir {quoted(data_dir)}`"
        )
    server = EmbeddedServer(data_dir, EmbeddedOptions(owner_timeout_s=0.0))

    def reached(address: Address) -> ClickHouse:
        return ClickHouse(address, read_only=read_only)

    store = _store_of(server, data_dir, reached, analyst=analyst, patience_s=patience_s)
    try:
        yield store
    finally:
        store.close()
        server.stop()


def _store_of(
    server: EmbeddedServer, data_dir: Path, reached: Reached, *, analyst: bool, patience_s: float
) -> ClickHouse:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            server.start()
        except InUseError as error:
            store = _of_owner(data_dir, reached, analyst=analyst)
            if store is not None:
                return store
            if time.monotonic() >= deadline:
                raise DependencyAwayError(f"{error}, and its ClickHouse does not answer") from error
        else:
            return reached(server.address(analyst=analyst))
        time.sleep(STEP_S)


def _of_owner(data_dir: Path, reached: Reached, *, analyst: bool) -> ClickHouse | None:
    connection = read_connection(data_dir)
    if connection is None:
        return None
    store = reached(address_of(connection, analyst=analyst))
    try:
        store.rows("SELECT 1")
    except (DependencyAwayError, UsageError):
        store.close()
        return None
    return store
