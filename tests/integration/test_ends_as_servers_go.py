"""SIGTERM just when the brokers or ClickHouse have gone: services end well, and say nothing untrue."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from onlooker.models.cache import ModelCache
from onlooker.wiring import cache_dir
from sinks.store.embedded.server import EmbeddedServer
from tests.brokers import KafkaCluster
from tests.services import services, wait_until
from tests.sinking import url_of
from tests.streams import StreamOptions, synthetic
from tests.work_stream import Stream

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse]
AFTER_S = (0.7, 1.2)
"""So long after the brokers have gone services are asked to end, s."""
ENDS_WITHIN_S = 60.0


@pytest.fixture
def database(tmp_path: Path) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path / "database") as server:
        yield server


@pytest.fixture
def cluster(kafka_jars: None, tmp_path: Path) -> Iterator[KafkaCluster]:
    """A broker of our own: it is killed."""
    with KafkaCluster(tmp_path / "kafka") as brokers:
        yield brokers


def site(cluster: KafkaCluster, prefix: str, database: EmbeddedServer, folder: Path) -> Stream:
    stream = Stream(cluster, prefix, folder)
    clip = ModelCache(cache_dir()).sample_path("WolfgangLanger_Pexels.mp4")
    with stream.config.open("a") as config:
        config.write(f'data_dir: {folder}/data\nclickhouse: {{url: "{url_of(database.address())}"}}\n')
        config.write(
            "sink: {max_age_s: 0.2, session_timeout_s: 6, first_wait_s: 0.05, longest_wait_s: 0.3}\n"
        )
        config.write(f"stands: [{{stand_id: filmed, cameras: [{{source: {clip}}}]}}]\n")
    return stream


def test_the_end_is_clean_when_the_brokers_have_just_gone(
    cluster: KafkaCluster, topic_prefix: str, database: EmbeddedServer, tmp_path: Path
) -> None:
    stream = site(cluster, topic_prefix, database, tmp_path)
    with services(tmp_path, stream.config) as running:
        measuring = [f"measure {number}" for number in range(len(AFTER_S))]
        for name in measuring:
            running.start(name, "work", "--role", "measure")
        running.start("sink", "sink")
        running.start("record", "record", tmp_path / "recording", "--from", "begin")
        running.start("capture", "capture", "--pace", "real")
        stream.publish(synthetic(StreamOptions(observations=2000, stands=8)))
        wait_until(lambda: stream.count("visits") > 0 and stream.count("frames") > 0, "all are at work")
        said = {name: (tmp_path / f"{name}.log").stat().st_size for name in running.processes}
        cluster.kill(0)
        begun_s = time.monotonic()
        for name in ("sink", "record", "capture"):
            running.processes[name].send_signal(signal.SIGTERM)
        for name, after_s in zip(measuring, AFTER_S, strict=True):
            time.sleep(max(0.0, begun_s + after_s - time.monotonic()))
            running.processes[name].send_signal(signal.SIGTERM)
        codes = {name: process.wait(ENDS_WITHIN_S) for name, process in running.processes.items()}
        assert codes == dict.fromkeys(running.processes, 0)
        for name in running.processes:
            log = (tmp_path / f"{name}.log").read_bytes()[said[name] :].decode()
            assert "Traceback" not in log, log
            assert "kafka is back" not in log, log


def test_the_end_is_clean_when_clickhouse_has_just_gone(
    kafka: KafkaCluster, topic_prefix: str, database: EmbeddedServer, tmp_path: Path
) -> None:
    stream = site(kafka, topic_prefix, database, tmp_path)
    with services(tmp_path, stream.config) as running:
        sink = running.start("sink", "sink")
        wait_until(lambda: "owns" in running.log("sink"), "the sink is in its group")
        assert database.pid is not None
        os.kill(database.pid, signal.SIGKILL)
        stream.publish(synthetic(StreamOptions(observations=200, stands=2)))
        wait_until(lambda: "clickhouse is away" in running.log("sink"), "the sink has noticed")
        sink.send_signal(signal.SIGTERM)
        assert sink.wait(ENDS_WITHIN_S) == 0
        log = running.log("sink")
        assert ("Traceback" in log, "is back" in log) == (False, False)
        assert "is read again" in log
