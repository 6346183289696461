"""The brokers of tests: messages of a picture's size, kills, pauses, and the end of who started them."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from kafka import KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import KafkaError

from tests.brokers import KafkaCluster, NoBrokerError, read_all, wait_until
from tests.java import TOOL

pytestmark = [pytest.mark.kafka]
LARGEST_BYTES = 4 * 1024 * 1024


def create_topic(cluster: KafkaCluster, name: str, *, partitions: int = 1) -> None:
    admin = cluster.admin()
    admin.create_topics([NewTopic(name, partitions, min(cluster.brokers, 3))])
    admin.close()


def active_controller(cluster: KafkaCluster) -> int:
    """The broker whose death costs an election of the quorum as well."""
    admin = cluster.admin()
    quorum = admin.describe_metadata_quorum()
    admin.close()
    return int(quorum["topics"][0]["partitions"][0]["leader_id"]) - 1


class Growth:
    """True once 50 more numbers have come since this was made."""

    def __init__(self, numbers: list[int]) -> None:
        self._numbers = numbers
        self._enough = len(numbers) + 50

    def __call__(self) -> bool:
        return len(self._numbers) >= self._enough


def test_a_broker_passes_messages_on_up_to_a_picture_of_4_mib(kafka: KafkaCluster, topic_prefix: str) -> None:
    topic = f"{topic_prefix}.frames"
    create_topic(kafka, topic)
    sent = [b"first", os.urandom(LARGEST_BYTES)]
    producer = KafkaProducer(
        bootstrap_servers=kafka.bootstrap, acks="all", max_request_size=LARGEST_BYTES + 65536
    )
    for value in sent:
        producer.send(topic, value=value, key=b"stand-1", headers=[("producer", b"capture@test")]).get(20)
    producer.close()
    assert read_all(kafka.bootstrap, topic, count=2) == sent


def test_a_topic_that_nobody_created_does_not_appear(kafka: KafkaCluster, topic_prefix: str) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, max_block_ms=1500)
    with pytest.raises(KafkaError):
        producer.send(f"{topic_prefix}.typing-error", value=b"x").get(5)
    producer.close()
    admin = kafka.admin()
    assert f"{topic_prefix}.typing-error" not in admin.list_topics()
    admin.close()


@pytest.mark.slow
def test_a_kill_of_one_broker_of_three_loses_no_acknowledged_message(
    kafka_cluster: KafkaCluster, topic_prefix: str
) -> None:
    topic = f"{topic_prefix}.observations"
    create_topic(kafka_cluster, topic, partitions=3)
    producer = KafkaProducer(bootstrap_servers=kafka_cluster.bootstrap, acks="all", enable_idempotence=True)
    controller = active_controller(kafka_cluster)
    acknowledged: list[int] = []
    done = threading.Event()

    def publish() -> None:
        number = 0
        while not done.is_set():
            sent = producer.send(topic, value=str(number).encode(), partition=number % 3)
            sent.add_callback(lambda _, number=number: acknowledged.append(number))
            number += 1
            time.sleep(0.002)

    publishing = threading.Thread(target=publish)
    publishing.start()
    try:
        for i in (controller, (controller + 1) % 3):
            wait_until(Growth(acknowledged), words="messages are acknowledged before the kill")
            kafka_cluster.kill(i)
            wait_until(Growth(acknowledged), words=f"messages are acknowledged without broker {i}")
            kafka_cluster.restart(i)
    finally:
        done.set()
        publishing.join()
        producer.close()
    read = [int(value) for value in read_all(kafka_cluster.bootstrap, topic, count=len(acknowledged))]
    assert set(acknowledged) <= set(read)
    assert len(read) == len(set(read)), "the idempotent producer wrote twice"


@pytest.mark.slow
def test_a_paused_broker_is_left_out_and_taken_back(kafka_cluster: KafkaCluster, topic_prefix: str) -> None:
    topic = f"{topic_prefix}.visits"
    create_topic(kafka_cluster, topic, partitions=3)
    producer = KafkaProducer(bootstrap_servers=kafka_cluster.bootstrap, acks="all", request_timeout_ms=2000)
    producer.send(topic, value=b"0", partition=0).get(30)
    kafka_cluster.pause(1)
    for number in range(1, 30):
        producer.send(topic, value=str(number).encode(), partition=number % 3).get(30)
    producer.close()
    kafka_cluster.resume(1)
    kafka_cluster.wait_until_ready()
    read = read_all(kafka_cluster.bootstrap, topic, count=30)
    assert sorted({int(value) for value in read}) == list(range(30))


HOLDER = """
import sys, time
from pathlib import Path
from tests.brokers import KafkaCluster
cluster = KafkaCluster(Path(sys.argv[1]))
cluster.start()
print("ready", flush=True)
time.sleep(60)
"""


def test_no_broker_outlives_the_process_that_started_it(kafka_jars: None, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "kafka")]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=TOOL.parent.parent)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    number = int((tmp_path / "kafka" / "broker-1" / "pid").read_text())
    holder.kill()
    holder.wait()
    holder.stdout.close()
    wait_until(lambda: not Path(f"/proc/{number}/cmdline").exists(), words="the broker is gone", timeout_s=10)


def test_a_broker_that_cannot_start_says_why(kafka_jars: None, tmp_path: Path) -> None:
    cluster = KafkaCluster(tmp_path / "kafka", extra="log.segment.bytes=none\n")
    with pytest.raises(NoBrokerError, match=r"(?s)Broker 0 has ended.*log\.segment\.bytes"), cluster:
        pass
