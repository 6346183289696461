"""Fixtures of the end-to-end tests: a site that has measured its recordings."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from onlooker.models.cache import ModelCache
from onlooker.wiring import cache_dir
from schemas.broker import BrokerOptions
from sinks.store.embedded.server import EmbeddedServer
from tests.brokers import KafkaCluster
from tests.e2e.command import onlooker
from tests.refused import picture_of, send_refused
from tests.services import is_drained, services, wait_until, wait_until_drained
from tests.site import Site, enrolled, url_of, written


@pytest.fixture(scope="session")
def site(
    kafka: KafkaCluster, model_paths: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Capture, both workers and a sink over three recordings, until all is written."""
    assert model_paths
    folder = tmp_path_factory.mktemp("site")
    assert onlooker("people", "enrol", enrolled(folder), "--gallery", folder / "gallery").code == 0
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
            refused = send_refused(broker, picture_of(ModelCache(cache_dir()).sample_path("single_face.mp4")))
            wait_until_drained(broker, running)
            wait_until(lambda: is_drained(broker, "sink", ("dead_letters",)), "the letters are stored")
            captured = msgspec.json.decode((folder / "capture.out").read_bytes())
            yield Site(
                folder=folder,
                broker=broker,
                database=server.address(),
                running=running,
                captured=captured,
                refused=refused,
            )


@pytest.fixture(scope="session")
def embedded(site: Site) -> Path:
    """The data directory of an embedded run over the same recordings."""
    config = written(site.folder, "embedded", site.broker)
    done = onlooker("run", "--config", config, "--json")
    assert done.code == 0, done.err
    assert done.json()["rows"]["exposures"] >= 5, "there is something to compare"
    return site.folder / "embedded"
