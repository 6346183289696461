"""The one way to the database: embedded or by URL, to ask it or to write to it."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial

import msgspec

from onlooker.settings.configuration import Settings
from onlooker.wiring.perception import measure_options
from schemas.ports import RowStore
from sinks.service.alike import require_alike
from sinks.service.local import LocalSink
from sinks.store.address import Address
from sinks.store.clickhouse import ClickHouse, NoDatabaseError, create_database
from sinks.store.embedded.asking import asking
from sinks.store.embedded.server import EmbeddedServer
from sinks.store.identity import id_of
from sinks.store.migrate import migrate, released


class Database(msgspec.Struct, frozen=True, kw_only=True):
    """A database to write to; not asked anything yet."""

    store: ClickHouse
    address: Address
    revive: Callable[[], None] | None = None
    """Starts an embedded server again."""


@contextmanager
def serving(settings: Settings, *, timeout_s: float = 30.0) -> Iterator[Database]:
    """The database to write to: by URL, or embedded and then started here.

    Args:
        settings: ready to connect with.
        timeout_s: how long an answer may take, s.

    Yields:
        It; what was started here ends with it.

    Raises:
        UsageError: another process owns the data directory.
        DependencyAwayError: the embedded server does not start.
    """
    with ExitStack() as stack:
        address, revive = settings.clickhouse.address(), None
        if address is None:
            server = stack.enter_context(EmbeddedServer(settings.data_dir))
            address, revive = server.address(), server.ensure_running
        store = stack.enter_context(closing(ClickHouse(address, timeout_s=timeout_s)))
        yield Database(store=store, address=address, revive=revive)


@contextmanager
def opened(
    settings: Settings,
    *,
    read_only: bool = True,
    operator: bool = False,
    create: bool = False,
    timeout_s: float = 30.0,
) -> Iterator[ClickHouse]:
    """The database as it is, to ask it or to change it beside the process that writes there.

    Args:
        settings: ready to connect with.
        read_only: refuse statements that change something.
        operator: as who may read dead letters, where the server is embedded; a URL names its own user.
        create: create the database of a URL if need be.
        timeout_s: how long an answer may take, s.

    Raises:
        UsageError: there is no data, or the server refuses us or is too old.
        DependencyAwayError: the server is away.
    """
    address = settings.clickhouse.address()
    if address is None:
        analyst = read_only and not operator
        with asking(settings.data_dir, analyst=analyst, read_only=read_only) as store:
            yield store
        return
    with closing(ClickHouse(address, read_only=read_only, timeout_s=timeout_s)) as store:
        _require_database(store, address) if create else store.check_version()
        yield store


@contextmanager
def open_writer(settings: Settings) -> Iterator[LocalSink]:
    """A writer into a migrated database, embedded or by URL; it writes no time twice with other thresholds.

    Yields:
        The writer; what it gathered is flushed by the caller.
    """
    with serving(settings) as there:
        prepare(there, settings)
        yield LocalSink(
            there.store,
            run_id=uuid.uuid4().hex,
            revive=there.revive,
            check=partial(require_alike, there.store),
        )


def prepare(there: Database, settings: Settings) -> None:
    """Make a database fit to be written: its version, tables and identity, the thresholds behind its figures.

    Raises:
        DependencyAwayError: the server is away.
        UsageError: it refuses us or is too old.
        CheckFailedError: a migration was changed, or the database is newer than this program.
    """
    _require_database(there.store, there.address)
    migrate(there.store, released(), dialect=settings.clickhouse.dialect())
    id_of(there.store)
    note_thresholds(there.store, settings)


def _require_database(store: ClickHouse, address: Address) -> None:
    """Check the server's version; a user who may is spared creating the database by hand."""
    try:
        store.check_version()
    except NoDatabaseError:
        create_database(address)
        store.check_version()


def note_thresholds(store: RowStore, settings: Settings) -> None:
    """Write what each metric version stands for into a migrated database; again changes nothing.

    Stands that are not in the configuration are measured too: their version is noted with the others.
    """
    options = measure_options(settings)
    names = ("", *(stand.stand_id for stand in settings.stands))
    noted = {options.metric_version(name): options.thresholds(name) for name in names}
    for version, thresholds in noted.items():
        columns = {"metric_version": [version], "thresholds": [thresholds]}
        store.insert("metric_versions", columns, f"metric_version:{version}")
