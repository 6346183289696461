"""Asking a data directory: the server of a live run if there is one, else a server for the question."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import DependencyAwayError, UsageError
from sinks.clickhouse import ClickHouse
from sinks.embedded import EmbeddedServer, address_of
from sinks.embedded_files import Places, read_connection
from sinks.ownership import InUseError

STEP_S = 0.1


@contextmanager
def asking(data_dir: Path, *, analyst: bool = True, patience_s: float = 10.0) -> Iterator[ClickHouse]:
    """A connection to what a data directory holds, while a run writes there or after it has ended.

    Args:
        data_dir: what `--data-dir` of a run named.
        analyst: as the user that may only read.
        patience_s: how long to wait for the server of a run that has just begun, s.

    Yields:
        A connection; a server started for the question ends with it.

    Raises:
        UsageError: there is no data.
        DependencyAwayError: the directory is owned by a process whose server does not answer.
    """
    if not (data_dir / "clickhouse").is_dir():
        raise UsageError(
            f"there is no data in {data_dir}: make some with `onlooker run --data-dir {data_dir}`"
        )
    server = EmbeddedServer(data_dir)
    try:
        server.start()
    except InUseError as error:
        yield from _closing(_of_live_run(data_dir, error, analyst=analyst, patience_s=patience_s))
        return
    with_server = ClickHouse(server.address(analyst=analyst), read_only=analyst)
    try:
        yield from _closing(with_server)
    finally:
        server.stop()


def _closing(store: ClickHouse) -> Iterator[ClickHouse]:
    try:
        yield store
    finally:
        store.close()


def _of_live_run(data_dir: Path, error: InUseError, *, analyst: bool, patience_s: float) -> ClickHouse:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        connection = read_connection(Places(data_dir=data_dir.resolve()))
        if connection is not None:
            store = ClickHouse(address_of(connection, analyst=analyst), read_only=analyst)
            try:
                store.rows("SELECT 1")
            except (DependencyAwayError, UsageError):
                store.close()
            else:
                return store
        time.sleep(STEP_S)
    raise DependencyAwayError(f"{error}, and its ClickHouse does not answer") from error
