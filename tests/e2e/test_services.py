"""The services give what the embedded run gives: equal rows in all tables, by way of Kafka."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from onlooker.models.cache import ModelCache
from onlooker.wiring import cache_dir
from schemas.broker import BrokerOptions
from sinks.address import Address
from sinks.clickhouse import ClickHouse
from sinks.embedded import EmbeddedServer
from tests.brokers import KafkaCluster
from tests.e2e.command import onlooker
from tests.services import Services, services, wait_until_drained

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.clickhouse,
    pytest.mark.models,
    pytest.mark.slow,
    pytest.mark.xdist_group("kafka"),
]

TABLES = ("visits", "exposures", "plays", "campaign_windows", "audience_windows", "windows")
CONFIG = """
data_dir: {folder}/{name}
kafka: {{bootstrap: "{bootstrap}", prefix: {prefix}}}
{database}
stands:
  - stand_id: entrance
    cameras: [{{source: {woman}, start_at: 2026-03-02T10:00:00Z}}]
    playlist:
      slots:
        - {{campaign_id: spring-coats, creative_id: coat-in-rain, duration_s: 3}}
        - {{campaign_id: spring-coats, creative_id: coat-in-sun, duration_s: 4}}
  - stand_id: food-court
    cameras:
      - {{source: {man}, start_at: 2026-03-02T10:00:00Z, camera_id: left}}
      - {{source: {passer}, start_at: 2026-03-02T10:00:01Z, camera_id: right}}
    playlist:
      anchor: 2026-03-02T10:00:00Z
      slots: [{{campaign_id: fresh-coffee, creative_id: first-cup, duration_s: 2}}]
"""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A site that has measured its recordings by way of Kafka."""

    folder: Path
    broker: BrokerOptions
    database: Address
    running: Services
    captured: dict[str, Any]


def written(folder: Path, name: str, broker: BrokerOptions, database: str = "") -> Path:
    """A configuration of two stands with three cameras."""
    cache = ModelCache(cache_dir())
    path = folder / f"{name}.yaml"
    text = CONFIG.format(
        folder=folder,
        name=name,
        bootstrap=broker.bootstrap,
        prefix=broker.prefix,
        database=database,
        woman=cache.sample_path("WolfgangLanger_Pexels.mp4"),
        man=cache.sample_path("single_face.mp4"),
        passer=cache.sample_path("face_noface.mov"),
    )
    path.write_text(text, encoding="utf-8")
    return path


def url_of(address: Address) -> str:
    """The URL of a server, with its password."""
    place = f"{address.host}:{address.port}/{address.database}"
    return f"clickhouse://{address.user}:{address.password}@{place}"


@pytest.fixture(scope="module")
def site(
    kafka: KafkaCluster, model_paths: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Capture, both workers and a sink over three recordings, until all is written."""
    assert model_paths
    folder = tmp_path_factory.mktemp("site")
    broker = BrokerOptions(bootstrap=kafka.bootstrap, prefix="equal")
    with EmbeddedServer(folder / "server") as server:
        url = f"clickhouse: {{url: '{url_of(server.address())}'}}"
        config = written(folder, "services", broker, url)
        made = onlooker("topics", "create", "--config", config)
        assert made.code == 0, made.err
        with services(folder, config) as running:
            running.start("sink", "sink")
            running.start("measure", "work", "--role", "measure")
            running.start("observe", "work", "--role", "observe")
            running.start("capture", "capture", "--json")
            assert running.finished("capture") == 0, running.log("capture")
            wait_until_drained(broker, running)
            captured = msgspec.json.decode((folder / "capture.out").read_bytes())
            yield Site(
                folder=folder, broker=broker, database=server.address(), running=running, captured=captured
            )


@pytest.fixture(scope="module")
def embedded(site: Site) -> Path:
    """The data directory of an embedded run over the same recordings."""
    config = written(site.folder, "embedded", site.broker)
    done = onlooker("run", "--config", config, "--json")
    assert done.code == 0, done.err
    assert done.json()["rows"]["visits"] >= 3, "there is something to compare"
    return site.folder / "embedded"


@pytest.mark.parametrize("table", TABLES)
def test_the_rows_equal_those_of_the_embedded_run(site: Site, embedded: Path, table: str) -> None:
    columns = "* EXCEPT (_topic, _partition, _offset)"
    sql = f"SELECT {columns} FROM {table} ORDER BY ALL"
    with EmbeddedServer(embedded) as server:
        expected = ClickHouse(server.address()).answer(sql)
    found = ClickHouse(site.database).answer(sql)
    assert found.names == expected.names
    assert len(found.rows) == len(expected.rows)
    for one, other in zip(found.rows, expected.rows, strict=True):
        assert dict(zip(found.names, one, strict=True)) == dict(zip(found.names, other, strict=True))


def test_capture_accounts_for_every_frame(site: Site) -> None:
    frames = site.captured["frames"]
    assert frames["captured"] == frames["published"] == 472 + 72 + 169
    assert frames["dropped"] == 0


def test_the_thresholds_behind_the_figures_are_stored(site: Site) -> None:
    store = ClickHouse(site.database)
    used = set(store.rows("SELECT DISTINCT metric_version FROM visits"))
    assert used <= set(store.rows("SELECT metric_version FROM v_metric_versions"))


def test_rows_tell_where_they_came_from(site: Site) -> None:
    (row,) = ClickHouse(site.database).rows(
        "SELECT groupUniqArray(_topic), uniqExact(_topic, _partition, _offset), count() FROM visits"
    )
    assert row[0] == [site.broker.topics.name("visits")]
    assert row[1] == row[2], "one message, one visit"


def test_services_end_when_asked(site: Site) -> None:
    assert set(site.running.stop().values()) == {0}, site.running.log("observe")
