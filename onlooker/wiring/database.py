"""Builds the store of a run and executes it: the embedded ClickHouse, a server by URL, or none."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from onlooker.settings.configuration import DEFAULT_DATA_DIR, Settings
from onlooker.wiring.perception import measure_options
from schemas.errors import UsageError
from schemas.ports import RowStore
from sinks.service.local import LocalSink
from sinks.store.address import Address, address_from_url
from sinks.store.clickhouse import ClickHouse, NoDatabaseError, create_database
from sinks.store.dialect import Dialect
from sinks.store.embedded.asking import asking
from sinks.store.embedded.server import EmbeddedServer
from sinks.store.migrate import migrate, released


@contextmanager
def open_writer(settings: Settings, data_dir: Path) -> Iterator[LocalSink]:
    """A writer into a migrated database, embedded or by URL.

    Args:
        settings: where the server is.
        data_dir: of the embedded server.

    Yields:
        The writer; what it gathered is flushed by the caller.
    """
    with ExitStack() as stack:
        there = settings.clickhouse.address()
        if there is None:
            server = stack.enter_context(EmbeddedServer(data_dir))
            address, revive = server.address(), server.ensure_running
        else:
            address, revive = there, None
        store = ClickHouse(address)
        stack.callback(store.close)
        prepare(store, address, settings)
        yield LocalSink(store, run_id=uuid.uuid4().hex, revive=revive)


def prepare(store: ClickHouse, address: Address, settings: Settings) -> None:
    """Make a database fit to be written: its version, its tables, the thresholds behind its figures.

    Args:
        store: a connection to it.
        address: where it is.
        settings: stands and thresholds.

    Raises:
        DependencyAwayError: the server is away.
        UsageError: it refuses us or is too old.
        CheckFailedError: a migration was changed, or the database is newer than this program.
    """
    _require_database(store, address)
    clickhouse = settings.clickhouse
    migrate(store, released(), dialect=Dialect(cluster=clickhouse.cluster, replicated=clickhouse.replicated))
    note_thresholds(store, settings)


def _require_database(store: ClickHouse, address: Address) -> None:
    """Check the server's version; a user who may is spared creating the database by hand."""
    try:
        store.check_version()
    except NoDatabaseError:
        create_database(address)
        store.check_version()


def note_thresholds(store: RowStore, settings: Settings) -> None:
    """Write what the metric version of each stand stands for; writing it again changes nothing.

    Args:
        store: the database, migrated.
        settings: stands and thresholds.
    """
    options = measure_options(settings)
    noted = {options.metric_version(s.stand_id): options.thresholds(s.stand_id) for s in settings.stands}
    for version, thresholds in noted.items():
        columns = {"metric_version": [version], "thresholds": [thresholds]}
        store.insert("metric_versions", columns, f"metric_version:{version}")


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
