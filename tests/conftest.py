"""Fixtures shared by all tests: evaluation data, prepared models, servers that must not be missing."""

import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.brokers import KafkaCluster, why_not

REPOSITORY = Path(__file__).resolve().parent.parent


def skip_or_fail(need: str, reason: str) -> None:
    """Skip a test whose need is away, or fail it when ONLOOKER_REQUIRE names the need."""
    required = os.environ.get("ONLOOKER_REQUIRE", "").split(",")
    if need in required:
        pytest.fail(f"{need} is required by ONLOOKER_REQUIRE: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The evaluation data; tests that ask for it skip where it is not."""
    path = (REPOSITORY / os.environ.get("ONLOOKER_DATA", "../shared/data")).resolve()
    if not path.is_dir():
        skip_or_fail("data", f"no evaluation data at {path} (set ONLOOKER_DATA)")
    return path


@pytest.fixture(scope="session")
def model_paths() -> Mapping[str, Path]:
    """The prepared models by stage; `make setup` prepares them."""
    from onlooker.models.cache import ModelCache
    from onlooker.models.registry import load_registry
    from onlooker.wiring import cache_dir

    cache = ModelCache(cache_dir())
    stages = [entry.stage for entry in load_registry().models]
    if cache.missing(stages):
        pytest.fail(f"models are not prepared: {cache.missing(stages)}; run `make setup`")
    return {stage: cache.model_path(stage) for stage in stages}


@pytest.fixture(scope="session")
def kafka_jars() -> None:
    """Kafka can run here; tests that ask for it skip where it cannot."""
    if reason := why_not():
        skip_or_fail("kafka", reason)


@pytest.fixture(scope="session")
def kafka(kafka_jars: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """One running broker for all tests of this process; what they make there carries `topic_prefix`."""
    with KafkaCluster(tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def kafka_cluster(kafka_jars: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """Three running brokers for the tests of one module, which may kill them and must bring them back."""
    with KafkaCluster(tmp_path_factory.mktemp("kafka-cluster"), brokers=3) as cluster:
        yield cluster


@pytest.fixture
def topic_prefix() -> str:
    """A site's prefix that no other test has."""
    return f"t{uuid.uuid4().hex[:12]}"
