"""Fixtures shared by all tests: evaluation data, prepared models, servers that must not be missing."""

import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadFileScheduling

from tests.brokers import KafkaCluster, archive_classes, why_not

REPOSITORY = Path(__file__).resolve().parent.parent
# A busy machine may take its time over an example: that says nothing about the code.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


class SharedSites(LoadFileScheduling):  # type: ignore[misc]
    """A file goes to one process, and files that ask about the same site go there together."""

    def _split_scope(self, nodeid: str) -> str:
        return str(super()._split_scope(nodeid)).replace("test_services_privacy", "test_services")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SharedSites:
    """In place of what `--dist loadfile` brings."""
    return SharedSites(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: the quick ones then fill what is left of the processes."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


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
def kafka_jars(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Kafka can run here; tests that ask for it skip where it cannot."""
    if reason := why_not():
        skip_or_fail("kafka", reason)
    archive_classes(tmp_path_factory.mktemp("kafka-classes"))


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
