"""Recording from a real broker, with a recorder that is killed; replaying into it, through the services."""

import json
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from onlooker.recordings.checks import digests, problems
from schemas.broker import BrokerOptions
from schemas.message import About
from schemas.recording.folder import Recording
from schemas.topics import TopicNames
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry
from tests.brokers import KafkaCluster, wait_until
from tests.e2e.command import COMMAND, onlooker
from tests.recordings import fill, numbered
from tests.services import services, wait_until_drained
from tests.streams import StreamOptions, synthetic
from tests.topics import create_topics

pytestmark = [pytest.mark.kafka]
CODEC = AvroCodec(FileRegistry())
SLACK_S = 4.0
"""A busy machine may give a recorder no time for so long."""


@pytest.fixture
def config(kafka: KafkaCluster, topic_prefix: str, tmp_path: Path) -> Path:
    """The configuration of a site of its own, with topics."""
    path = tmp_path / "site.yaml"
    path.write_text(
        f"kafka: {{bootstrap: '{kafka.bootstrap}', prefix: {topic_prefix}}}\ntopics: {{partitions: 2}}\n",
        encoding="utf-8",
    )
    create_topics(path)
    return path


class Sending(threading.Thread):
    """Sends observations to both partitions until told to finish."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        super().__init__(daemon=True)
        self._producer: Any = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=50)
        self._name = TopicNames(prefix=prefix).name("observations")
        self._over = threading.Event()
        self.sent = [0, 0]
        self.start()

    def run(self) -> None:
        options = StreamOptions(observations=1_000_000, stands=2, cameras=1, repeated_share=0)
        for event in synthetic(options):
            if self._over.wait(0.004):
                break
            if hasattr(event, "t_us"):
                self._send(event)
        self._producer.flush()
        self._producer.close()

    def _send(self, event: Any) -> None:
        partition = int(event.stand_id[-1])
        about = About(producer="test", produced_us=1, captured_us=event.t_us)
        self._producer.send(
            self._name,
            CODEC.encode(event),
            event.stand_id.encode(),
            partition=partition,
            headers=about.headers(),
        )
        self.sent[partition] += 1

    def finish(self) -> None:
        """End it; everything is acknowledged."""
        self._over.set()
        self.join(30)


@pytest.fixture
def sending(kafka: KafkaCluster, topic_prefix: str, config: Path) -> Iterator[Sending]:
    thread = Sending(kafka.bootstrap, topic_prefix)
    yield thread
    thread.finish()


def recorder(folder: Path, config: Path, *arguments: str) -> subprocess.Popen[bytes]:
    command = [*COMMAND, "record", folder, "--config", config, "--topic", "observations", *arguments]
    log = (folder.parent / "record.log").open("ab")
    return subprocess.Popen(list(map(str, command)), stdout=log, stderr=log)


def newest_us(folder: Path) -> int:
    """Arrival of the newest message on the disk; 0 while there is none."""
    if not (folder / "manifest.json").exists():
        return 0
    recording = Recording(folder)
    times = [recording.summary(note).arrived_last_us or 0 for note in recording.files("observations")]
    return max(times, default=0)


def holds_newer(folder: Path, than_us: int) -> bool:
    """Whether something that arrived later is on the disk; a file that was not written since is not read."""
    written = max((path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()), default=0)
    return written // 1000 > than_us and newest_us(folder) > than_us


def killed_somewhen(folder: Path, config: Path, chance: random.Random) -> float:
    """Record for a while and die; how much of what had come is not on the disk, s."""
    begun_us = time.time_ns() // 1000
    process = recorder(folder, config, "--from", "begin")
    try:
        wait_until(lambda: holds_newer(folder, begun_us), words="it records what comes now", timeout_s=90)
        time.sleep(chance.uniform(0, 1.5))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    return time.time() - newest_us(folder) / 1e6


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_at_random_moments_it_goes_on_without_gaps_or_doubles(
    config: Path, sending: Sending, tmp_path: Path
) -> None:
    folder, chance = tmp_path / "r", random.Random(5)
    lost_s = [killed_somewhen(folder, config, chance) for _ in range(20)]
    sending.finish()
    last = onlooker(
        "record", folder, "--config", config, "--topic", "observations", "--until", "now", "--json"
    )
    assert last.code == 0, last.err
    print("newest on the disk before each kill, s:", [round(each, 2) for each in lost_s])  # noqa: T201
    assert max(lost_s) < 1.0 + SLACK_S, lost_s
    found: list[list[int]] = [[], []]
    for record in Recording(folder).records("observations"):
        found[record.partition].append(record.offset)
    assert found == [list(range(count)) for count in sending.sent]
    assert list(problems(folder)) == []
    assert onlooker("recording", "verify", folder).code == 0
    assert onlooker("replay", folder, "--digest").code == 0


def test_a_topic_made_anew_while_it_is_recorded_ends_the_recording(
    kafka: KafkaCluster, topic_prefix: str, config: Path, sending: Sending, tmp_path: Path
) -> None:
    """It has grown past where the recorder was."""
    wait_until(lambda: min(sending.sent) > 20, words="some was sent", timeout_s=60)
    sending.finish()
    folder, name = tmp_path / "r", TopicNames(prefix=topic_prefix).name("observations")
    process = recorder(folder, config, "--from", "begin")
    wait_until(lambda: newest_us(folder) > 0, words="it records")
    process.send_signal(signal.SIGSTOP)
    with closing(kafka.admin()) as admin:
        admin.delete_topics([name])
        wait_until(lambda: name not in admin.list_topics(), words="the topic is deleted")
    create_topics(config)
    again = Sending(kafka.bootstrap, topic_prefix)
    wait_until(lambda: min(again.sent) > max(sending.sent) + 200, words="more was sent", timeout_s=60)
    process.send_signal(signal.SIGCONT)
    assert process.wait(60) == 2
    again.finish()
    assert "was deleted and made again" in (tmp_path / "record.log").read_text(encoding="utf-8")
    refused = onlooker("record", folder, "--config", config, "--topic", "observations")
    assert refused.code == 2
    assert "another one than" in refused.err


def test_a_range_is_recorded_and_nothing_else(config: Path, sending: Sending, tmp_path: Path) -> None:
    wait_until(lambda: min(sending.sent) > 300, words="enough was sent", timeout_s=60)
    sending.finish()
    folder = tmp_path / "r"
    done = onlooker(
        *("record", folder, "--config", config, "--topic", "observations"),
        *("--from", "100", "--until", "200", "--json"),
    )
    assert done.code == 0, done.err
    assert json.loads(done.out)["recorded"] == 200
    offsets = sorted(record.offset for record in Recording(folder).records("observations"))
    assert offsets == sorted([*range(100, 200)] * 2)
    refused = onlooker("record", folder, "--config", config, "--topic", "frames", "--until", "now")
    assert refused.code == 2
    assert "only for a time and a reason" in refused.err


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_embedded_services_and_replay_measure_the_same(
    kafka: KafkaCluster, config: Path, topic_prefix: str, tmp_path: Path
) -> None:
    """A recording into Kafka, through MEASURE as a service, recorded again: the digest of the core."""
    given = numbered(synthetic(StreamOptions(observations=3_000, stands=3, cameras=2, arrivals_per_s=0.4)))
    fill(tmp_path / "given", given)
    here = onlooker("replay", tmp_path / "given", "--json")
    assert here.code == 0, here.err
    facts = here.json()["facts"]
    assert facts["visits"] > 20
    again = onlooker("replay", tmp_path / "given", "--digest")
    assert again.out.strip() == here.json()["digest"]
    trial = tmp_path / "trial.yaml"
    trial.write_text(
        f"kafka: {{bootstrap: '{kafka.bootstrap}', prefix: {topic_prefix}-trial}}\n"
        "topics: {partitions: 2}\n",
        encoding="utf-8",
    )
    sent = onlooker(
        *(
            "replay",
            tmp_path / "given",
            "--config",
            config,
            "--to-kafka",
            "--prefix",
            f"{topic_prefix}-trial",
        ),
        "--json",
    )
    assert sent.code == 0, sent.err
    assert sent.json()["events"] == here.json()["events"]
    recorded = tmp_path / "recorded"

    def is_there() -> bool:
        running.check()
        done = onlooker("record", recorded, "--config", trial, "--from", "begin", "--until", "now")
        assert done.code == 0, done.err
        found = digests(recorded)
        return bool(found["digest"] == here.json()["digest"])

    with services(tmp_path, trial) as running:
        running.start("measure", "work", "--role", "measure")
        wait_until_drained(
            BrokerOptions(bootstrap=kafka.bootstrap, prefix=f"{topic_prefix}-trial"), running, ["measure"]
        )
        wait_until(is_there, words="the services have measured the same", timeout_s=240)
    compared = onlooker("replay", recorded, "--expect", recorded, "--json")
    assert compared.code == 0, compared.err
    assert compared.json()["digest"] == here.json()["digest"]


def test_a_replay_into_the_live_prefix_is_refused(config: Path, topic_prefix: str, tmp_path: Path) -> None:
    fill(tmp_path / "given", numbered(list(synthetic(StreamOptions(observations=20, stands=1)))))
    refused = onlooker(
        *("replay", tmp_path / "given", "--config", config, "--to-kafka", "--prefix", topic_prefix)
    )
    assert refused.code == 2
    assert "must not mix with live figures" in refused.err
