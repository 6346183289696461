"""The identity of a database on a real ClickHouse: one for all who ask at once, kept by restarts, copies."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from sinks.store.address import Address
from sinks.store.clickhouse import ClickHouse, create_database
from sinks.store.embedded.server import EmbeddedServer
from sinks.store.identity import id_of
from sinks.store.migrate import migrate, released

pytestmark = [pytest.mark.clickhouse]
ROWS = "SELECT count() FROM database_identity"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def server(data: Path) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(data) as running:
        yield running


def database(server: EmbeddedServer, name: str) -> Address:
    """A new one with its tables."""
    address = msgspec.structs.replace(server.address(), database=name)
    create_database(address)
    store = ClickHouse(address)
    migrate(store, released())
    store.close()
    return address


def asked(address: Address) -> str:
    store = ClickHouse(address)
    try:
        return id_of(store)
    finally:
        store.close()


def test_all_who_ask_at_once_hear_the_same_id(server: EmbeddedServer) -> None:
    for number in range(5):
        address = database(server, f"anew_{number}")
        with ThreadPoolExecutor(16) as pool:
            ids = set(pool.map(asked, [address] * 16))
        assert len(ids) == 1
        assert ClickHouse(address).rows(ROWS) == [(1,)]


def test_two_empty_databases_differ_and_a_restored_one_is_the_same(server: EmbeddedServer) -> None:
    one, two = database(server, "one"), database(server, "two")
    assert asked(one) != asked(two)
    before, store = asked(one), ClickHouse(one)
    store.command("BACKUP DATABASE one TO Memory('one')")
    store.command("RESTORE DATABASE one AS restored FROM Memory('one')")
    store.command("DROP DATABASE one SYNC")
    assert asked(msgspec.structs.replace(one, database="restored")) == before
    assert asked(database(server, "one")) != before


def test_a_restart_keeps_it(data: Path) -> None:
    found = []
    for _ in range(2):
        with EmbeddedServer(data) as server:
            found.append(asked(database(server, "onlooker")))
    assert found[0] == found[1]
