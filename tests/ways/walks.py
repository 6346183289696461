"""The ways, walked with the real commands over real footage, a real broker and a real ClickHouse."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError

from onlooker.models.cache import ModelCache
from onlooker.wiring import cache_dir
from schemas.broker import BrokerOptions
from schemas.topics import Topic
from tests.brokers import KafkaCluster, wait_until
from tests.services import lag
from tests.ways.traced import LONGEST_S, ROOT, Traced, Use

CLIP = "single_face.mp4"
"""Of the prepared samples: one person, who looks."""
SETTLE_S = 5.0
"""After its group is complete, a service may still read its own state back."""
AT_WORK = 1
"""The stage of the trace in which the services have started and wait for work, or do it."""
SITE = """
data_dir: {data}
kafka: {{bootstrap: "{bootstrap}"}}
work: {{session_timeout_s: 60}}
sink: {{session_timeout_s: 60}}
"""
"""A traced service on a busy machine is slow."""


def run_once(way: Traced) -> None:
    """A frame in one process."""
    way.run("run", "run", "--source", _clip(), "--data-dir", way.folder / "data")


def over_kafka(way: Traced) -> None:
    """A frame from capture over Kafka to a row."""
    with KafkaCluster(way.folder / "kafka") as kafka:
        broker, config = BrokerOptions(bootstrap=kafka.bootstrap), _site(way, kafka)
        way.start("sink", "sink", *config)
        way.start("measure", "work", "--role", "measure", *config)
        way.start("observe", "work", "--role", "observe", *config)
        _wait_until_complete(way, broker, ("sink", "measure", "observe"))
        way.enter_stage(AT_WORK)
        way.run("capture", "capture", "--source", _clip(), *config)
        _wait_until_taken(way, broker, "observe", "frames")
        _wait_until_taken(way, broker, "measure", "observations", "plays")
        _wait_until_taken(way, broker, "sink", "visits", "plays", "campaign_windows")
        way.enter_stage(AT_WORK + 1)
        way.stop()


def bad_message(way: Traced) -> None:
    """A message that is no frame, to the list of dead letters."""
    with KafkaCluster(way.folder / "kafka") as kafka:
        broker, config = BrokerOptions(bootstrap=kafka.bootstrap), _site(way, kafka)
        way.start("sink", "sink", *config)
        way.start("observe", "work", "--role", "observe", *config)
        _wait_until_complete(way, broker, ("sink", "observe"))
        way.enter_stage(AT_WORK)
        producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
        producer.send(broker.topics.name("frames"), key=b"entrance", value=b"this is no frame").get(30)
        producer.close()
        _wait_until_taken(way, broker, "observe", "frames")
        _wait_until_taken(way, broker, "sink", "dead_letters")
        way.run("dead-letters", "dead-letters", "list", *config)
        way.enter_stage(AT_WORK + 1)
        way.stop()
        words = (way.folder / "dead-letters.log").read_text(encoding="utf-8")
        assert "not_framed" in words, words


def migration(way: Traced) -> None:
    """The tables of an empty database."""
    (way.folder / "data" / "clickhouse").mkdir(parents=True)
    way.run("migrate", "migrate", "--data-dir", way.folder / "data")


def replayed(way: Traced) -> None:
    """A recording, measured again."""
    tape = way.folder / "tape"
    _plainly("run", "--source", _clip(), "--no-clickhouse", "--record", tape)
    way.run("replay", "replay", tape, "--digest")


Walk = Callable[[Traced], None]
WAYS: dict[str, tuple[Walk, tuple[str, ...]]] = {
    "run": (run_once, ("run",)),
    "kafka": (over_kafka, ("capture", "observe", "measure", "sink")),
    "bad-message": (bad_message, ("observe", "sink", "dead-letters")),
    "migrate": (migration, ("migrate",)),
    "replay": (replayed, ("replay",)),
}
"""Name of a way: how it is walked, and its processes in the order in which a reader follows them."""
OVER_KAFKA = ("kafka", "bad-message")


def _clip() -> Path:
    return ModelCache(cache_dir()).sample_path(CLIP)


def _plainly(*arguments: str | Path) -> None:
    """Run what comes before a way and is no part of it."""
    command = [sys.executable, "-m", "onlooker", *map(str, arguments)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True, timeout=LONGEST_S)


def _site(way: Traced, kafka: KafkaCluster) -> tuple[str, Path]:
    """The option that names a configuration of the brokers, whose topics are there."""
    config = way.folder / "site.yaml"
    config.write_text(SITE.format(data=way.folder / "data", bootstrap=kafka.bootstrap), encoding="utf-8")
    _plainly("topics", "create", "--config", config)
    return "--config", config


def _wait_until_complete(way: Traced, broker: BrokerOptions, services: Iterable[str]) -> None:
    """Wait until services have joined their groups and wait for work."""
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    try:
        for service in services:
            group = broker.group(service)

            def is_complete(group: str = group) -> bool:
                way.check()
                with suppress(KafkaError):  # the broker has no coordinator in its first second
                    return bool(admin.describe_groups([group])[group]["group_state"] == "Stable")
                return False

            wait_until(is_complete, words=f"{group} complete", timeout_s=LONGEST_S)
    finally:
        admin.close()
    time.sleep(SETTLE_S)


def _wait_until_taken(way: Traced, broker: BrokerOptions, service: str, *topics: Topic) -> None:
    """Wait until a group has committed all that its topics hold."""

    def is_taken() -> bool:
        way.check()
        return lag(broker, service, topics) == 0

    wait_until(is_taken, words=f"{service} drained", timeout_s=LONGEST_S)


def walk(name: str, folder: Path) -> list[Use]:
    """Walk one way; what it used, in a reader's order."""
    by, processes = WAYS[name]
    way = Traced(folder / name)
    try:
        by(way)
    finally:
        way.kill()
    return way.uses(processes)
