"""A site whose sink is tried: topics, facts sent to them, sinks as processes, what the tables then hold."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from processors.topology import topic_of
from schemas.broker import BrokerOptions
from schemas.events import VisitEnded
from schemas.ids import derive_id
from schemas.message import About
from schemas.topics import TOPICS, Topic
from schemas.units import US_PER_S
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry
from sinks.store.address import Address
from sinks.store.clickhouse import ClickHouse
from tests.brokers import KafkaCluster, wait_until
from tests.facts import T0_US, audience_figures, campaign_figures, exposure, play, visit_ended, window
from tests.offsets import offsets_at

CODEC = AvroCodec(FileRegistry())
CONFIG = """
data_dir: {folder}/data
kafka: {{bootstrap: "{bootstrap}", prefix: {prefix}}}
clickhouse: {{url: "{url}"}}
sink:
  max_age_s: {max_age_s}
  max_rows: {max_rows}
  session_timeout_s: {session_s}
  first_wait_s: 0.05
  longest_wait_s: 0.5
"""


def url_of(address: Address) -> str:
    """The URL of a server, with its password."""
    place = f"{address.host}:{address.port}/{address.database}"
    return f"clickhouse://{address.user}:{address.password}@{place}"


def facts_of(number: int) -> list[Any]:
    """A play, a visit with an exposure to it, and a window; all of one stand, all different by number."""
    stand, start_us = f"stand-{number % 7}", T0_US + number * US_PER_S
    shown = play(f"play-{number}", stand_id=stand, start_us=start_us, end_us=start_us + US_PER_S)
    seen = visit_ended(
        f"visit-{number}",
        (exposure(f"visit-{number}", shown, (0.5,)),),
        stand_id=stand,
        started_us=start_us,
        ended_us=start_us + US_PER_S,
    )
    closed = msgspec.structs.replace(
        window((campaign_figures(ots=number),), (audience_figures(ots=number),)),
        window_id=derive_id("window", "of", number),
        stand_id=stand,
        start_us=start_us,
        end_us=start_us + 60 * US_PER_S,
    )
    return [shown, seen, closed]


class Site:
    """The topics of one site and a database for its sink.

    Args:
        cluster: the brokers.
        prefix: of the site.
        folder: for configuration and logs.
        address: of the database.
    """

    def __init__(self, cluster: KafkaCluster, prefix: str, folder: Path, address: Address) -> None:
        self.cluster = cluster
        self.broker = BrokerOptions(bootstrap=cluster.bootstrap, prefix=prefix)
        self.folder = folder
        self.address = address
        self.store = ClickHouse(address)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.producer: Any = KafkaProducer(bootstrap_servers=cluster.bootstrap, acks="all", linger_ms=5)

    def make_topics(self, *topics: Topic, partitions: int = 2) -> None:
        """Create topics, all by default."""
        admin = self.cluster.admin()
        names = [self.broker.topics.name(topic) for topic in topics or TOPICS]
        admin.create_topics(
            [NewTopic(name, partitions, replication_factor=min(3, self.cluster.brokers)) for name in names]
        )
        admin.close()

    def make_anew(self, *topics: Topic) -> None:
        """Delete topics and create them again, empty."""
        admin = self.cluster.admin()
        names = [self.broker.topics.name(topic) for topic in topics]
        admin.delete_topics(names)
        wait_until(lambda: not set(names) & set(admin.list_topics()), words="the topics are gone")
        admin.close()
        self.make_topics(*topics)

    def set_offsets_back(self) -> None:
        """Set all offsets of the group to 0, as an operator does while no sink runs."""
        group = self.broker.group("sink")
        admin = self.cluster.admin()
        committed = admin.list_group_offsets(group)[group]
        admin.close()
        consumer: Any = KafkaConsumer(
            bootstrap_servers=self.cluster.bootstrap, group_id=group, enable_auto_commit=False
        )
        consumer.assign(list(committed))
        consumer.commit({place: OffsetAndMetadata(0, "", -1) for place in committed})
        consumer.close()

    def config(self, **changes: Any) -> Path:
        """The configuration of a sink."""
        values = {"max_age_s": 0.05, "max_rows": 200, "session_s": 2.0, **changes}
        path = self.folder / "sink.yaml"
        path.write_text(
            CONFIG.format(
                folder=self.folder,
                bootstrap=self.broker.bootstrap,
                prefix=self.broker.prefix,
                url=url_of(self.address),
                **values,
            )
        )
        return path

    def send(self, facts: Iterable[Any], *, repeated: bool = False) -> None:
        """Send facts to their topics; all are there when this returns."""
        about = About(producer="test", produced_us=1, captured_us=time.time_ns() // 1000, repeated=repeated)
        for fact in facts:
            stand = fact.visit.stand_id if isinstance(fact, VisitEnded) else fact.stand_id
            self.send_bytes(topic_of(fact), stand.encode(), CODEC.encode(fact), about)
        self.producer.flush()

    def send_bytes(
        self, topic: Topic, key: bytes | None, value: bytes | None, about: About | None = None
    ) -> None:
        """Send a message of any kind."""
        headers = about.headers() if about else []
        self.producer.send(self.broker.topics.name(topic), key=key, value=value, headers=headers)

    def start(self, config: Path | None = None) -> subprocess.Popen[bytes]:
        """A sink as a process of its own; its words go to `sink.log`."""
        path = config or self.config()
        with (self.folder / "sink.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "onlooker", "sink", "--config", str(path)], stdout=log, stderr=log
            )
        self.processes.append(process)
        return process

    def log(self) -> str:
        """What the sinks said."""
        path = self.folder / "sink.log"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""

    def waiting(self, *topics: Topic) -> int:
        """Messages of some topics that the group has not committed."""
        names = [self.broker.topics.name(t) for t in topics or ("visits", "plays", "campaign_windows")]
        offsets = offsets_at(self.cluster.bootstrap)
        try:
            committed = offsets.committed(self.broker.group("sink"))
        except KafkaError:
            return 1
        return sum(end - committed.get(place, 0) for place, end in offsets.ends(names).items())

    def wait_until_written(self, *topics: Topic, timeout_s: float = 120.0) -> None:
        """Wait until the group has committed all that the topics hold."""
        try:
            wait_until(lambda: self.waiting(*topics) == 0, words="all is committed", timeout_s=timeout_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    def close(self) -> None:
        """End all processes."""
        for process in self.processes:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
        self.producer.close(timeout=2)
        self.store.close()

    def assert_exact(self, numbers: int) -> None:
        """Every fact of `facts_of(0..numbers-1)` is there, once, also physically."""
        expected = {"plays": numbers, "visits": numbers, "exposures": numbers}
        ids = {"plays": "play_id", "visits": "visit_id", "exposures": "exposure_id"}
        for table, count in expected.items():
            once = f"count(), uniqExact({ids[table]}), uniqExact(_partition, _offset)"
            found = self.store.rows(f"SELECT {once} FROM {table}")
            assert found == [(count, count, count)], (table, found)
        for table in ("windows", "campaign_windows", "audience_windows"):
            found = self.store.rows(f"SELECT count(), uniqExact(_partition, _offset) FROM {table}")
            assert found == [(numbers, numbers)], (table, found)

    def keep_parts(self) -> None:
        """Stop merges: what was written stays as it was written."""
        for table in ("plays", "visits", "exposures", "windows", "campaign_windows", "audience_windows"):
            self.store.command(f"SYSTEM STOP MERGES {table}")


@contextmanager
def site_of(cluster: KafkaCluster, prefix: str, folder: Path, address: Address) -> Iterator[Site]:
    """A site whose processes do not outlive their test."""
    site = Site(cluster, prefix, folder, address)
    try:
        yield site
    finally:
        site.close()


def pause(process: subprocess.Popen[bytes]) -> None:
    """Stop a process's time."""
    os.kill(process.pid, signal.SIGSTOP)


def go_on(process: subprocess.Popen[bytes]) -> None:
    """Let a paused process go on."""
    os.kill(process.pid, signal.SIGCONT)
