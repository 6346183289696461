"""The quickest form of `bench stream` end to end, on a real broker and ClickHouse: structure, not speed."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.brokers import KafkaCluster
from tests.e2e.command import COMMAND

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.clickhouse,
    pytest.mark.models,
    pytest.mark.slow,
    pytest.mark.timeout(600),
]
LONGEST_S = 500
"""Forty seconds on a quiet machine of two cores."""
COMPARED = {
    "publish": ["publisher, 17 KB JPEG", "publisher, 120 KB PNG"],
    "measure": ["MEASURE, events", "MEASURE, Avro messages"],
    "faust": ["MEASURE agent, clock", "MEASURE agent, CPU time"],
    "sink": ["sink, facts in memory", "sink, messages in Kafka"],
}


@pytest.fixture(scope="module")
def found(kafka: KafkaCluster, model_paths: Mapping[str, Path]) -> Any:
    """What the command printed."""
    arguments = ("bench", "stream", "--bootstrap", kafka.bootstrap, "--quick", "--repeat", "1", "--json")
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=LONGEST_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("part", COMPARED)
def test_every_figure_stands_next_to_its_floor(found: Any, part: str) -> None:
    comparisons = found["parts"][part]
    assert [each["name"] for each in comparisons] == COMPARED[part]
    for each in comparisons:
        assert each["ours"]["runs"] == each["floor"]["runs"] == 1
        assert each["ours"]["per_s"] > 0
        assert each["floor"]["per_s"] > 0
        assert each["share"] == pytest.approx(each["ours"]["per_s"] / each["floor"]["per_s"], rel=0.01)


def test_rows_are_timed_from_the_capture_of_their_frame(found: Any) -> None:
    (step,) = found["parts"]["latency"]["steps"]
    assert step["stands"] == 1
    assert step["latency"]["count"] > 0
    assert 0 < step["latency"]["p50_ms"] <= step["latency"]["p95_ms"] < 60_000


def test_density_has_a_step_for_each_stand(found: Any) -> None:
    density = found["parts"]["density"]
    (step,) = density["steps"]
    assert step["stands"] == 1
    assert 0 < step["sent"] == step["latency"]["count"]
    assert step["held"] == (density["highest"] == 1)
    assert density["stopped_by"] in ("stands", "latency")


def test_nothing_is_left_on_the_brokers(found: Any, kafka: KafkaCluster) -> None:
    admin = kafka.admin()
    try:
        assert not [name for name in admin.list_topics() if name.startswith("bench-")]
    finally:
        admin.close()
