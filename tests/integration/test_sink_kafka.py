"""The sink on a real broker and a real ClickHouse: equal rows, set aside, waiting, offsets of operators."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from sinks.address import Address
from sinks.clickhouse import create_database
from sinks.embedded import EmbeddedServer
from tests.brokers import KafkaCluster
from tests.sinking import Site, facts_of, site_of

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.clickhouse,
    pytest.mark.slow,
    pytest.mark.xdist_group("kafka"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path_factory.mktemp("sink") / "data") as running:
        yield running


@pytest.fixture
def address(server: EmbeddedServer, topic_prefix: str) -> Address:
    """A database of the test's own."""
    address = msgspec.structs.replace(server.address(), database=topic_prefix)
    create_database(address)
    return address


@pytest.fixture
def site(kafka: KafkaCluster, topic_prefix: str, tmp_path: Path, address: Address) -> Iterator[Site]:
    with site_of(kafka, topic_prefix, tmp_path, address) as made:
        made.make_topics()
        yield made


def test_every_fact_becomes_its_rows_and_the_sink_leaves_when_asked(site: Site) -> None:
    site.send(fact for number in range(300) for fact in facts_of(number))
    process = site.start()
    site.wait_until_written()
    site.assert_exact(300)
    process.terminate()
    assert process.wait(20) == 0, site.log()
