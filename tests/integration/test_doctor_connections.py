"""The doctor tries the servers of a configuration: what works is said, what does not comes with the mend."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from onlooker.doctor.servers import connection_checks
from onlooker.settings.configuration import load_settings
from onlooker.settings.precedence import in_force
from onlooker.wiring.rebind import execute_rebind
from producers.brokers.plan import TopicOptions, plan_topics, wanted_topics
from producers.brokers.topics import Topics
from schemas.broker import BrokerOptions
from schemas.errors import OnlookerError
from sinks.store.clickhouse import ClickHouse
from sinks.store.embedded.server import EmbeddedServer
from sinks.store.identity import id_of
from sinks.store.migrate import migrate, released
from tests.brokers import KafkaCluster

NOTHING: Mapping[str, str] = {}


def written(folder: Path, **sections: object) -> Path:
    path = folder / "shop.yaml"
    path.write_text(yaml.safe_dump(sections), encoding="utf-8")
    return path


def failed(config: Path, name: str, environ: Mapping[str, str] = NOTHING) -> str:
    with pytest.raises(OnlookerError) as caught:
        connection_checks(config, environ)[name]()
    return str(caught.value)


def test_servers_that_are_not_named_are_not_tried(tmp_path: Path) -> None:
    assert list(connection_checks(written(tmp_path), NOTHING)) == ["configuration"]
    assert list(connection_checks(written(tmp_path, stands=[]), NOTHING)) == ["configuration"]


def test_servers_that_are_named_are_tried(tmp_path: Path) -> None:
    config = written(tmp_path, kafka={}, clickhouse={"url": "clickhouse://db"})
    names = ["configuration", "Kafka", "ClickHouse by URL", "the sinks' database"]
    assert list(connection_checks(config, NOTHING)) == names
    environ = {"ONLOOKER_CLICKHOUSE_URL": "clickhouse://db"}
    assert "ClickHouse by URL" in connection_checks(written(tmp_path), environ)


def test_a_wrong_configuration_is_the_only_finding(tmp_path: Path) -> None:
    config = written(tmp_path, kafka={"bootstrop": "x"})
    assert "kafka.bootstrop" in failed(config, "configuration")
    assert list(connection_checks(config, NOTHING)) == ["configuration"]


def test_a_missing_password_is_found_before_anybody_is_asked(tmp_path: Path) -> None:
    config = written(tmp_path, kafka={"security": "SASL_SSL", "username": "x", "bootstrap": "127.0.0.1:1"})
    assert "ONLOOKER_KAFKA_PASSWORD" in failed(config, "Kafka")


@pytest.mark.kafka
def test_kafka_is_asked_for_its_topics(kafka: KafkaCluster, topic_prefix: str, tmp_path: Path) -> None:
    options = BrokerOptions(bootstrap=kafka.bootstrap, prefix=topic_prefix)
    config = written(tmp_path, kafka={"bootstrap": kafka.bootstrap, "prefix": topic_prefix})
    words = failed(config, "Kafka")
    assert f"{topic_prefix}.frames.v1" in words
    assert "onlooker topics create" in words
    with closing(Topics(options)) as door:
        wanted = wanted_topics(TopicOptions(), options.topics, brokers=1)
        door.create(plan_topics(wanted, {}))
    assert "all topics are there" in connection_checks(config, NOTHING)["Kafka"]()


@pytest.mark.kafka
@pytest.mark.clickhouse
def test_the_database_that_the_sinks_group_is_bound_to_is_told(
    kafka: KafkaCluster, topic_prefix: str, tmp_path: Path
) -> None:
    options = BrokerOptions(bootstrap=kafka.bootstrap, prefix=topic_prefix)
    with closing(Topics(options)) as door:
        door.create(plan_topics(wanted_topics(TopicOptions(), options.topics, brokers=1), {}))
    with EmbeddedServer(tmp_path / "data") as server:
        address = server.address()
        url = f"clickhouse://{address.user}@127.0.0.1:{address.port}/{address.database}"
        config = written(
            tmp_path,
            kafka={"bootstrap": kafka.bootstrap, "prefix": topic_prefix},
            clickhouse={"url": url},
        )
        environ = {"ONLOOKER_CLICKHOUSE_PASSWORD": address.password}
        name = "the sinks' database"
        assert "run `onlooker migrate`" in failed(config, name, environ)
        with closing(ClickHouse(address)) as store:
            migrate(store, released())
            database = id_of(store)
            assert "bound to none yet" in connection_checks(config, environ)[name]()
            settings = in_force(load_settings(config), environ, servers=("kafka", "clickhouse"))
            execute_rebind(settings, "earliest", dry_run=False)
            assert f"bound to this one, {database}" in connection_checks(config, environ)[name]()
            store.command("TRUNCATE TABLE database_identity")
            other = id_of(store)
        words = failed(config, name, environ)
        assert database in words
        assert other in words


@pytest.mark.clickhouse
def test_clickhouse_is_asked_for_its_tables_with_the_user_of_the_configuration(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "data") as server:
        address = server.address()
        url = f"clickhouse://{address.user}@127.0.0.1:{address.port}/{address.database}"
        config = written(tmp_path, clickhouse={"url": url})
        environ = {"ONLOOKER_CLICKHOUSE_PASSWORD": address.password}
        assert "onlooker migrate" in failed(config, "ClickHouse by URL", environ)
        with closing(ClickHouse(address)) as store:
            migrate(store, released())
        words = connection_checks(config, environ)["ClickHouse by URL"]()
        assert "unencrypted" in words
        assert "'onlooker'" in words
        assert "check name and password" in failed(config, "ClickHouse by URL")
