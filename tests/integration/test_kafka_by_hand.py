"""Kafka's scripts as people use them: start, stop, start again, and what they say in trouble."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from tests.brokers import KafkaCluster, read_all, wait_until
from tests.java import TOOL, quick
from tests.ports import Port

pytestmark = [pytest.mark.kafka]


@pytest.fixture
def by_hand(kafka_jars: None, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A data folder and a free port; whatever runs there afterwards is stopped."""
    port = Port(and_above=10_000)
    data = tmp_path / "kafka & data"
    yield data, str(port.number)
    if data.exists():
        script("stop.sh", "--data", str(data))
    port.free()


def script(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(TOOL / name), *arguments]
    around = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=150, check=False, env=around)


def test_a_person_starts_stops_and_starts_again_and_keeps_the_messages(by_hand: tuple[Path, str]) -> None:
    data, port = by_hand
    started = script("start.sh", "--data", str(data), "--port", port)
    assert started.returncode == 0, started.stderr
    assert f"Kafka is ready at 127.0.0.1:{port}" in started.stdout
    producer = KafkaProducer(bootstrap_servers=f"127.0.0.1:{port}", acks="all")
    create_by_hand(port, "kept")
    producer.send("kept", value=b"still here").get(20)
    producer.close()
    again = script("start.sh", "--data", str(data), "--port", port)
    assert (again.returncode, again.stdout) == (0, started.stdout), "a second start is no error"
    stopped = script("stop.sh", "--data", str(data))
    assert (stopped.returncode, "Stopped 1" in stopped.stdout) == (0, True), stopped.stderr
    assert script("start.sh", "--data", str(data), "--port", port).returncode == 0
    assert read_all(f"127.0.0.1:{port}", "kept", count=1) == [b"still here"]


def create_by_hand(port: str, topic: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{port}")
    admin.create_topics([NewTopic(topic, 1, 1)])
    admin.close()


def test_the_start_script_refuses_with_the_mend(by_hand: tuple[Path, str], kafka: KafkaCluster) -> None:
    data, _ = by_hand
    taken = script("start.sh", "--data", str(data), "--port", str(kafka.ports[0]))
    assert taken.returncode == 3
    assert "choose another --port" in taken.stderr
    wrong = script("start.sh", "--data", str(data), "--brokers", "many")
    assert (wrong.returncode, "--brokers must be" in wrong.stderr) == (2, True)
    other = script("start.sh", "--data", str(kafka.folder), "--brokers", "3")
    assert (other.returncode, "--brokers 1" in other.stderr) == (2, True)


TOOLS = "bash java mvn sed head cksum cut dirname mkdir mktemp cp rm env"


@pytest.mark.parametrize(("missing", "mend"), [("java", "openjdk-17"), ("mvn", "install maven")])
def test_what_is_missing_is_named_with_the_package(missing: str, mend: str, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS.split():
        found = shutil.which(tool)
        if found and tool != missing:
            (folder / tool).symlink_to(found)
    if missing == "mvn" and not (folder / "java").exists():
        pytest.skip("without Java the first complaint is about Java")
    done = script("jars.sh", PATH=str(folder), ONLOOKER_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 3
    assert mend in done.stderr


MAVEN = """#!/bin/sh
for argument; do
  jars=${argument#-DoutputDirectory=}
  [ "$jars" = "$argument" ] || { mkdir "$jars"; sleep 0.3; touch "$jars/a.jar"; }
done
"""


def test_several_at_once_fetch_the_jars_into_one_folder(kafka_jars: None, tmp_path: Path) -> None:
    """Maven is played by a script, for it is the renaming that is tested."""
    folder = tmp_path / "bin"
    folder.mkdir()
    maven = folder / "mvn"
    maven.write_text(MAVEN)
    maven.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{folder}:{os.environ['PATH']}",
        "ONLOOKER_CACHE": str(tmp_path / "cache"),
    }
    several = [
        subprocess.Popen(
            [TOOL / "jars.sh"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        for _ in range(4)
    ]
    said = {process.communicate(timeout=30)[0].strip() for process in several}
    assert [process.returncode for process in several] == [0, 0, 0, 0]
    assert len(said) == 1
    assert [path.name for path in Path(said.pop()).iterdir()] == ["a.jar"]
    assert len(list((tmp_path / "cache").iterdir())) == 1, "what was fetched in vain is removed"


def test_a_killed_broker_is_started_again_on_its_data(by_hand: tuple[Path, str]) -> None:
    data, port = by_hand
    start = partial(script, "start.sh", "--data", str(data), "--port", port, ONLOOKER_KAFKA_JAVA=quick())
    assert start().returncode == 0
    create_by_hand(port, "kept")
    number = int((data / "broker-1" / "pid").read_text())
    os.kill(number, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{number}/cmdline").exists(), words="the broker is gone")
    assert start().returncode == 0
    admin = KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{port}")
    assert "kept" in admin.list_topics()
    admin.close()
