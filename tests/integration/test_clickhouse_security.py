"""ClickHouse behind TLS: the right certificates connect, every wrong one is a sentence with the mend."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from onlooker.settings.clickhouse_section import ClickHouseSettings
from schemas.errors import DependencyAwayError, UsageError
from sinks.store.address import Address
from sinks.store.clickhouse import ClickHouse
from sinks.store.embedded.server import EmbeddedServer
from tests.certificates import Authority
from tests.tls_hop import TlsHop

pytestmark = [pytest.mark.clickhouse]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with EmbeddedServer(tmp_path_factory.mktemp("tls") / "data") as running:
        yield running.address()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other"))


@pytest.fixture(scope="module")
def shown(authority: Authority) -> Path:
    return authority.server("server")


@pytest.fixture(scope="module")
def hop(server: Address, shown: Path) -> Iterator[TlsHop]:
    with TlsHop(server.port, shown) as listening:
        yield listening


def to(
    server: Address,
    port: int,
    *,
    host: str = "127.0.0.1",
    secure: bool = True,
    verify: bool = True,
    ca_file: Path | None = None,
    own: Path | None = None,
    key: Path | None = None,
) -> ClickHouseSettings:
    return ClickHouseSettings(
        url=f"clickhouse://{server.user}@{host}:{port}/{server.database}?secure={int(secure)}",
        password=server.password,
        verify=verify,
        ca_file=ca_file,
        certificate_file=own,
        key_file=key,
    )


def ask(settings: ClickHouseSettings) -> object:
    address = settings.address()
    assert address is not None
    store = ClickHouse(address, timeout_s=10)
    try:
        return store.rows("SELECT 1")
    finally:
        store.close()


def refused(settings: ClickHouseSettings, server: Address) -> str:
    with pytest.raises(UsageError) as caught:
        ask(settings)
    words = str(caught.value)
    assert "\n" not in words
    assert server.password not in words
    return words


def test_the_right_authority_connects(server: Address, hop: TlsHop, authority: Authority) -> None:
    settings = to(server, hop.port, ca_file=authority.ca_file)
    assert ask(settings) == [(1,)]


def test_much_passes_in_both_directions(server: Address, hop: TlsHop, authority: Authority) -> None:
    address = to(server, hop.port, ca_file=authority.ca_file).address()
    assert address is not None
    store = ClickHouse(address, timeout_s=30)
    store.command("CREATE OR REPLACE TABLE much (n UInt64) ENGINE = Memory")
    store.insert("much", {"n": list(range(200_000))}, "once")
    assert len(store.rows("SELECT n FROM much")) == 200_000
    store.close()


def test_another_authority_is_refused(server: Address, hop: TlsHop, other_authority: Authority) -> None:
    words = refused(to(server, hop.port, ca_file=other_authority.ca_file), server)
    assert "clickhouse.ca_file" in words
    assert "certificate" in words


def test_without_an_authority_the_system_decides(server: Address, hop: TlsHop) -> None:
    assert "clickhouse.ca_file" in refused(to(server, hop.port), server)


def test_who_verifies_nothing_connects(server: Address, hop: TlsHop) -> None:
    assert ask(to(server, hop.port, verify=False)) == [(1,)]


def test_a_certificate_for_another_host_is_refused(server: Address, authority: Authority) -> None:
    with TlsHop(server.port, authority.server("elsewhere"), host="127.0.0.2") as elsewhere:
        settings = to(server, elsewhere.port, host="127.0.0.2", ca_file=authority.ca_file)
        assert "another name" in refused(settings, server)


def test_plain_words_to_a_tls_port_are_one_sentence(server: Address, hop: TlsHop) -> None:
    assert "?secure=1" in refused(to(server, hop.port, secure=False), server)


def test_tls_to_a_plain_port_is_one_sentence(server: Address, authority: Authority) -> None:
    words = refused(to(server, server.port, ca_file=authority.ca_file), server)
    assert "does not speak TLS" in words


def test_a_client_shows_its_own_certificate(server: Address, shown: Path, authority: Authority) -> None:
    own = authority.server("client")
    with TlsHop(server.port, shown, clients_by=authority.ca_file) as strict:
        assert ask(to(server, strict.port, ca_file=authority.ca_file, own=own)) == [(1,)]


def test_a_client_without_its_certificate_is_told(server: Address, shown: Path, authority: Authority) -> None:
    with TlsHop(server.port, shown, clients_by=authority.ca_file) as strict:
        words = refused(to(server, strict.port, ca_file=authority.ca_file), server)
    assert "clickhouse.certificate_file" in words


def test_files_that_do_not_fit_are_told(
    server: Address, hop: TlsHop, authority: Authority, tmp_path: Path
) -> None:
    ours, empty = authority.ca_file, tmp_path / "empty.pem"
    empty.touch()
    one, two = authority.server("one"), authority.server("two")
    assert "cannot be read" in refused(to(server, hop.port, ca_file=tmp_path / "nowhere.pem"), server)
    assert "no PEM" in refused(to(server, hop.port, ca_file=empty), server)
    assert "do not fit" in refused(to(server, hop.port, ca_file=ours, own=one, key=two), server)
    alone = refused(to(server, hop.port, ca_file=ours, key=one), server)
    assert "clickhouse.certificate_file" in alone


def test_a_server_that_is_away_is_still_waited_for(server: Address, authority: Authority) -> None:
    with TlsHop(server.port, authority.server("gone")) as gone:
        port = gone.port
    with pytest.raises(DependencyAwayError):
        ask(to(server, port, ca_file=authority.ca_file))
