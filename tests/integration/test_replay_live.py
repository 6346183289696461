"""Clips through the live services, recorded; replayed here, through Kafka, and again: equal digests."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from onlooker.recordings.checks import digests, problems
from schemas.broker import BrokerOptions
from tests.brokers import KafkaCluster
from tests.e2e.command import onlooker
from tests.services import Services, services, wait_until_drained
from tests.topics import create_topics

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.models,
    pytest.mark.data,
    pytest.mark.slow,
    pytest.mark.timeout(1200),
]
CLIPS = ("intel-head-pose-female.mp4", "hamilton-short.mp4")
SETTINGS = "topics: {partitions: 2}\nwork: {inference_threads: 1}\n"


def site(folder: Path, name: str, kafka: KafkaCluster, prefix: str, stands: str) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(
        f"data_dir: {folder}/{name}\nkafka: {{bootstrap: '{kafka.bootstrap}', prefix: {prefix}}}\n"
        f"{SETTINGS}{stands}",
        encoding="utf-8",
    )
    return path


def of_prefix(kafka: KafkaCluster, prefix: str) -> BrokerOptions:
    return BrokerOptions(bootstrap=kafka.bootstrap, prefix=prefix)


def settled(running: Services, broker: BrokerOptions, folder: Path, *arguments: str | Path) -> dict[str, Any]:
    """Record what the services gave once they have handled everything, every stand's end included."""
    upstream_first = [name for name in ("observe", "measure") if name in running.processes]
    wait_until_drained(broker, running, upstream_first, timeout_s=300)
    done = onlooker("record", folder, "--until", "now", *arguments)
    assert done.code == 0, done.err
    found = digests(folder)
    assert found["digests"].get("campaign_windows")
    return found


def test_a_live_run_replays_to_the_same_digests(
    kafka: KafkaCluster, topic_prefix: str, data_dir: Path, tmp_path: Path
) -> None:
    lines = ["stands:"]
    for number, clip in enumerate(CLIPS):
        lines += [f"  - stand_id: stand-{number}", f"    cameras: [{{source: '{data_dir}/clips/{clip}'}}]"]
    stands = "\n".join(lines) + "\n"
    live = site(tmp_path, "live", kafka, topic_prefix, stands)
    trial = site(tmp_path, "trial", kafka, f"{topic_prefix}-trial", stands)
    recorded, through_kafka = tmp_path / "recorded", tmp_path / "through-kafka"
    create_topics(live)
    begun = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    with services(tmp_path, live) as running:
        running.start("observe", "work", "--role", "observe")
        running.start("measure", "work", "--role", "measure")
        running.start("capture", "capture")
        assert running.finished("capture", 400) == 0, running.log("capture")
        for_a_test = ("--from", begun, "--frames-for", "1h", "--reason", "a test")
        original = settled(running, of_prefix(kafka, topic_prefix), recorded, "--config", live, *for_a_test)
    assert original["digests"].get("visits")
    assert list(problems(recorded)) == []
    first, second = (onlooker("replay", recorded, "--json") for _ in range(2))
    assert first.code == second.code == 0, first.err
    looked = onlooker("replay", recorded, "--topic", "frames", "--expect", recorded, "--json")
    assert looked.code == 0, looked.err
    assert looked.json()["digests"]["observations"] == original["digests"]["observations"]
    sent = onlooker(
        *("replay", recorded, "--config", live, "--to-kafka", "--prefix", f"{topic_prefix}-trial", "--json")
    )
    assert sent.code == 0, sent.err
    with services(tmp_path, trial) as running:
        running.start("measure", "work", "--role", "measure")
        again = settled(
            running,
            of_prefix(kafka, f"{topic_prefix}-trial"),
            through_kafka,
            "--config",
            trial,
            "--from",
            "begin",
        )
    found = {
        "live": original["digest"],
        "embedded": first.json()["digest"],
        "embedded again": second.json()["digest"],
        "from frames": looked.json()["digest"],
        "through Kafka": again["digest"],
    }
    print(found)  # noqa: T201 - the digests are what the test is about
    assert len(set(found.values())) == 1, found
    compared = onlooker("replay", recorded, "--expect", through_kafka)
    assert compared.code == 0, compared.err
