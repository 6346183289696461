"""`onlooker topics` against a real broker: makes what is missing, tells what differs, alters when asked."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from schemas.topics import TOPICS, TopicNames
from tests.brokers import KafkaCluster
from tests.certificates import Authority
from tests.e2e.command import Ended, onlooker
from tests.secured_broker import SecuredBroker

pytestmark = [pytest.mark.kafka]


@pytest.fixture
def config(kafka: KafkaCluster, topic_prefix: str, tmp_path: Path) -> Path:
    """The configuration of a site of its own."""
    path = tmp_path / "site.yaml"
    path.write_text(
        f"kafka: {{bootstrap: '{kafka.bootstrap}', prefix: {topic_prefix}}}\ntopics: {{partitions: 3}}\n",
        encoding="utf-8",
    )
    return path


def topics(verb: str, *arguments: str | Path) -> Ended:
    return onlooker("topics", verb, "--config", *arguments)


def test_topics_are_made_once_and_then_as_they_should_be(
    config: Path, kafka: KafkaCluster, topic_prefix: str
) -> None:
    names = [TopicNames(prefix=topic_prefix).name(topic) for topic in TOPICS]
    before = topics("check", config, "--json")
    assert before.code == 1
    assert [each["what"] for each in before.json()["differences"]] == ["missing"] * len(names)
    made = topics("create", config, "--json")
    assert made.code == 0, made.err
    assert made.json() == {"created": names, "altered": [], "differences": []}
    with closing(kafka.admin()) as admin:
        found = admin.describe_topics(names)
    assert {len(topic["partitions"]) for topic in found} == {3}
    assert topics("create", config, "--json").json()["created"] == []
    assert topics("check", config).code == 0


def test_a_difference_is_told_and_altered_only_when_asked(
    config: Path, kafka: KafkaCluster, topic_prefix: str
) -> None:
    assert topics("create", config).code == 0
    name = f"{topic_prefix}.visits.v1"
    with closing(kafka.admin()) as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {"retention.ms": "60000"})])
    found = topics("check", config)
    assert found.code == 1
    assert f"{name} has retention.ms=60000 instead of 604800000" in found.err
    assert topics("create", config).code == 0
    assert topics("check", config).code == 1, "create alone changes nothing that exists"
    altered = topics("create", config, "--alter", "--json")
    assert altered.json()["altered"] == [name]
    assert topics("check", config).code == 0


def test_a_topic_that_is_made_later_gets_the_partitions_of_the_others(
    config: Path, kafka: KafkaCluster, topic_prefix: str
) -> None:
    assert topics("create", config).code == 0
    name = f"{topic_prefix}.plays.v1"
    with closing(kafka.admin()) as admin:
        admin.delete_topics([name])
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("partitions: 3", "partitions: 9"), encoding="utf-8")
    made = topics("create", config, "--json")
    assert made.json()["created"] == [name]
    with closing(kafka.admin()) as admin:
        (found,) = admin.describe_topics([name])
    assert len(found["partitions"]) == 3
    assert {each["what"] for each in made.json()["differences"]} == {"partitions"}


def test_too_few_brokers_for_the_copies_are_a_matter_of_configuration(config: Path) -> None:
    with config.open("a", encoding="utf-8") as file:
        file.write("kafka_copies: 3\n")
    assert topics("create", config).code == 2, "an unknown setting"
    text = config.read_text(encoding="utf-8").replace("kafka_copies: 3\n", "")
    config.write_text(text.replace("partitions: 3", "partitions: 3, replication: 3"), encoding="utf-8")
    refused = topics("create", config)
    assert refused.code == 2
    assert "too few brokers for 3 copies" in refused.err


def test_a_broker_that_is_away_is_named() -> None:
    away = onlooker("topics", "check", "--bootstrap", "127.0.0.1:9")
    assert away.code == 3
    assert "Kafka at 127.0.0.1:9 does not answer" in away.err


@pytest.fixture(scope="module")
def secured(kafka_jars: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    """A broker that asks for TLS and a password."""
    with SecuredBroker(tmp_path_factory.mktemp("secured"), prefix="mall-7") as broker:
        yield broker


def secured_config(folder: Path, broker: SecuredBroker, **changes: str) -> Path:
    options = broker.options
    settings = {
        "bootstrap": options.bootstrap,
        "prefix": options.prefix,
        "security": options.security,
        "ca_file": str(options.ca_file),
        "username": options.username,
        **changes,
    }
    path = folder / "secured.yaml"
    path.write_text(json.dumps({"kafka": settings, "topics": {"partitions": 2}}), encoding="utf-8")
    return path


def test_behind_tls_and_a_password_topics_are_made(secured: SecuredBroker, tmp_path: Path) -> None:
    password = {"ONLOOKER_KAFKA_PASSWORD": secured.password}
    config = secured_config(tmp_path, secured)
    made = onlooker("topics", "create", "--config", config, environment=password)
    assert made.code == 0, made.err
    assert len(made.out.splitlines()) == len(TOPICS) + 1


@pytest.mark.parametrize("verb", [("topics", "check"), ("capture",)])
def test_a_wrong_password_is_no_reason_to_wait(
    secured: SecuredBroker, tmp_path: Path, verb: tuple[str, ...]
) -> None:
    config = secured_config(tmp_path, secured)
    picture = tmp_path / "1.png"
    picture.write_bytes(cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    source: list[str | Path] = (
        ["--source", picture, "--fps", "1", "--data-dir", tmp_path] if verb == ("capture",) else []
    )
    wrong = {"ONLOOKER_KAFKA_PASSWORD": "guessed"}
    refused = onlooker(*verb, "--config", config, *source, environment=wrong)
    # A broker hangs up after a refusal, sometimes before the library has read it: then it only looks away.
    assert refused.code in (2, 3)
    assert "refuses user 'onlooker'" in refused.err or "check the password of 'onlooker'" in refused.err
    assert "guessed" not in refused.err + refused.out


def test_an_authority_that_nobody_knows_is_no_reason_to_wait(secured: SecuredBroker, tmp_path: Path) -> None:
    config = secured_config(tmp_path, secured, ca_file=str(Authority(tmp_path).ca_file))
    password = {"ONLOOKER_KAFKA_PASSWORD": secured.password}
    refused = onlooker("topics", "check", "--config", config, environment=password)
    assert refused.code == 2
    assert "kafka.ca_file" in refused.err
