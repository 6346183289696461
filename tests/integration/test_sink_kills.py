"""Sinks, ClickHouse and brokers that die, zombies that wake: every row once, also physically."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from sinks.store.address import Address
from sinks.store.clickhouse import ClickHouse, create_database
from sinks.store.embedded.server import EmbeddedServer
from sinks.store.migrate import migrate, released
from tests.brokers import KafkaCluster, wait_until
from tests.sinking import Site, facts_of, go_on, pause, site_of

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.clickhouse,
    pytest.mark.slow,
]
SESSION_S = 3.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path_factory.mktemp("kills") / "data") as running:
        yield running


@pytest.fixture
def address(server: EmbeddedServer, topic_prefix: str) -> Address:
    """A migrated database of the test's own, whose rows are not merged."""
    address = msgspec.structs.replace(server.address(), database=topic_prefix)
    create_database(address)
    store = ClickHouse(address)
    migrate(store, released())
    store.close()
    return address


@pytest.fixture
def site(kafka: KafkaCluster, topic_prefix: str, tmp_path: Path, address: Address) -> Iterator[Site]:
    with site_of(kafka, topic_prefix, tmp_path, address) as made:
        made.make_topics()
        made.keep_parts()
        made.config(session_s=SESSION_S)
        yield made


class Sending(threading.Thread):
    """Sends facts while others die, until told to finish."""

    def __init__(self, site: Site) -> None:
        super().__init__(daemon=True)
        self._site = site
        self._over = threading.Event()
        self._sent = 0
        self.start()

    def run(self) -> None:
        while not self._over.wait(0.05):
            numbers = range(self._sent, self._sent + 8)
            self._site.send(fact for number in numbers for fact in facts_of(number))
            self._sent += 8

    def finish(self) -> int:
        """End it; how many numbers were sent."""
        self._over.set()
        self.join(30)
        return self._sent


def rows(site: Site) -> int:
    """Rows of batches that are written."""
    return int(site.store.rows("SELECT count() FROM sink_batches")[0][0])


def wait_for(site: Site, condition: Callable[[], bool], words: str) -> None:
    """Wait for a condition, long enough for a busy machine; failing shows what the sinks said."""
    try:
        wait_until(condition, words=words, timeout_s=90)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{site.log()}") from None


def wait_for_a_batch(site: Site) -> None:
    """Wait until one more batch is written."""
    before = rows(site)
    wait_for(site, lambda: rows(site) > before, "a batch is written")


def test_kill_9_of_the_sink_at_random_moments(site: Site) -> None:
    chance = random.Random(1)
    sending = Sending(site)
    for _ in range(10):
        process = site.start(site.folder / "sink.yaml")
        wait_for_a_batch(site)
        time.sleep(chance.random() * 0.15)
        process.kill()
        process.wait()
    sent = sending.finish()
    site.start(site.folder / "sink.yaml")
    site.wait_until_written()
    site.assert_exact(sent)
    healed = site.store.rows("SELECT countIf(healed) FROM sink_batches")
    assert healed[0][0] >= 1, "at least one sink died in the middle of a batch"


def test_kill_9_of_clickhouse_under_a_sink_that_waits(site: Site, server: EmbeddedServer) -> None:
    sending = Sending(site)
    process = site.start(site.folder / "sink.yaml")
    for _ in range(4):
        wait_for_a_batch(site)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
        time.sleep(0.7)
        server.ensure_running()
        site.keep_parts()
    sent = sending.finish()
    site.wait_until_written()
    site.assert_exact(sent)
    assert process.poll() is None, "the sink waited"


def test_two_sinks_share_the_work_and_one_ends_what_the_other_began(site: Site) -> None:
    sending = Sending(site)
    first, second = site.start(site.folder / "sink.yaml"), site.start(site.folder / "sink.yaml")
    writers = "SELECT uniqExact(writer) FROM sink_batches"
    wait_for(site, lambda: site.store.rows(writers) == [(2,)], "both write")
    first.kill()
    first.wait()
    sent = sending.finish()
    site.wait_until_written()
    site.assert_exact(sent)
    second.terminate()
    assert second.wait(20) == 0


@pytest.mark.parametrize("seed", range(4))
def test_a_zombie_writes_nothing_twice(site: Site, seed: int) -> None:
    chance = random.Random(seed)
    sending = Sending(site)
    zombie = site.start(site.folder / "sink.yaml")
    wait_for(site, lambda: rows(site) > 0, "a batch is written")
    time.sleep(chance.random() * 0.2)
    pause(zombie)
    other = site.start(site.folder / "sink.yaml")
    site_writers = "SELECT uniqExact(writer) FROM sink_batches"
    wait_for(site, lambda: site.store.rows(site_writers) == [(2,)], "the other has taken over")
    go_on(zombie)
    sent = sending.finish()
    site.wait_until_written()
    site.assert_exact(sent)
    assert (zombie.poll(), other.poll()) == (None, None)


def test_a_sink_that_is_asked_to_stop_writes_what_it_has(site: Site) -> None:
    config = site.config(session_s=SESSION_S, max_age_s=300.0, max_rows=1_000_000)
    process = site.start(config)
    site.send(fact for number in range(50) for fact in facts_of(number))
    wait_for(site, lambda: holds(site), "the group is formed")
    time.sleep(1.0)
    assert rows(site) == 0
    process.terminate()
    assert process.wait(20) == 0, site.log()
    site.assert_exact(50)


def holds(site: Site) -> bool:
    """Whether the group has a member with partitions."""
    admin = site.cluster.admin()
    try:
        groups = admin.describe_groups([site.broker.group("sink")])
        return "Stable" in str(groups)
    finally:
        admin.close()


def test_a_sink_waits_for_brokers_that_are_away_and_goes_on(
    kafka_jars: None, topic_prefix: str, tmp_path: Path, address: Address
) -> None:
    with (
        KafkaCluster(tmp_path / "kafka") as cluster,
        site_of(cluster, topic_prefix, tmp_path, address) as site,
    ):
        site.make_topics()
        site.keep_parts()
        cluster.kill(0)
        process = site.start(site.config())
        wait_for(site, lambda: "kafka is away" in site.log(), "the sink says that Kafka is away")
        cluster.restart(0)
        site.send(fact for number in range(40) for fact in facts_of(number))
        site.wait_until_written()
        cluster.kill(0)
        time.sleep(3)
        cluster.restart(0)
        site.send(fact for number in range(40, 80) for fact in facts_of(number))
        site.wait_until_written()
        site.assert_exact(80)
        assert process.poll() is None, site.log()
