"""The services over a broker that asks for TLS, a password and rights; a wrong password is a sentence."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest

from onlooker.models.cache import ModelCache
from onlooker.wiring import cache_dir
from sinks.store.clickhouse import ClickHouse
from sinks.store.embedded.server import EmbeddedServer
from tests.e2e.command import onlooker
from tests.secured_broker import SecuredBroker
from tests.services import services, wait_until
from tests.site import url_of

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.clickhouse,
    pytest.mark.models,
    pytest.mark.slow,
]
CONFIG = """
data_dir: {folder}/data
kafka:
  bootstrap: "{bootstrap}"
  prefix: mall-7
  security: SASL_SSL
  ca_file: {ca_file}
  username: onlooker
  password_file: {password_file}
clickhouse: {{url: '{url}'}}
stands:
  - stand_id: entrance
    cameras: [{{source: {clip}}}]
"""


@pytest.fixture(scope="module")
def secured(kafka_jars: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    with SecuredBroker(tmp_path_factory.mktemp("secured"), prefix="mall-7") as broker:
        yield broker


def config_of(folder: Path, broker: SecuredBroker, password: str, url: str) -> Path:
    """A configuration whose password lies in a file that only its owner can read."""
    secret = folder / "password"
    secret.write_text(password + "\n", encoding="utf-8")
    secret.chmod(0o600)
    path = folder / "site.yaml"
    text = CONFIG.format(
        folder=folder,
        bootstrap=broker.cluster.bootstrap,
        ca_file=broker.ca_file,
        password_file=secret,
        url=url,
        clip=ModelCache(cache_dir()).sample_path("single_face.mp4"),
    )
    path.write_text(text, encoding="utf-8")
    return path


def test_a_recording_becomes_rows_over_encrypted_connections(
    secured: SecuredBroker, model_paths: Mapping[str, Path], tmp_path: Path
) -> None:
    assert model_paths
    with EmbeddedServer(tmp_path / "server") as server:
        config = config_of(tmp_path, secured, secured.password, url_of(server.address()))
        made = onlooker("topics", "create", "--config", config)
        assert made.code == 0, made.err
        with services(tmp_path, config) as running:
            running.start("sink", "sink")
            running.start("measure", "work", "--role", "measure")
            running.start("observe", "work", "--role", "observe")
            running.start("capture", "capture", "--json")
            assert running.finished("capture") == 0, running.log("capture")
            store = ClickHouse(server.address())

            def written(view: str) -> bool:
                running.check()
                there = store.rows("SELECT count() FROM system.tables WHERE name = {v:String}", {"v": view})
                return there == [(1,)] and store.rows(f"SELECT count() FROM {view}") == [(1,)]

            for view in ("v_windows", "v_visits"):
                wait_until(partial(written, view), f"the recording is in {view}")
            assert set(running.stop().values()) == {0}
            for name in running.processes:
                assert secured.password not in (tmp_path / f"{name}.log").read_text(encoding="utf-8"), name


def test_a_wrong_password_is_a_sentence(secured: SecuredBroker, tmp_path: Path) -> None:
    config = config_of(tmp_path, secured, "guessed", "clickhouse://nobody@127.0.0.1:9/none")
    ended = onlooker("topics", "create", "--config", config)
    assert ended.code in (2, 3), "a broker that hangs up without a word cannot be told from one that is away"
    assert "password" in ended.err
    assert "guessed" not in ended.err
    assert len(ended.err.strip().splitlines()) == 1
