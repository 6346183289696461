"""The site of a chaos run: brokers, database, configuration and the supervised services."""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import yaml

from onlooker.models.cache import ModelCache
from onlooker.wiring import cache_dir
from producers.cameras.camera import claimed_frames
from producers.cameras.sources import parse_source
from schemas.broker import BrokerOptions
from schemas.errors import DependencyAwayError
from sinks.store.address import Address
from sinks.store.clickhouse import ClickHouse, create_database
from sinks.store.embedded.server import EmbeddedServer
from sinks.store.migrate import migrate, released
from tests.brokers import KafkaCluster
from tests.chaos.disk import SmallDisk
from tests.chaos.options import ChaosOptions
from tests.chaos.supervised import Supervised
from tests.chaos.tables import make_witnesses
from tests.e2e.command import COMMAND
from tests.topics import create_topics

PARTITIONS = 4
SESSION_S = 6.0
"""Session time-out of every consumer group: a zombie is one that was silent for longer."""
FOUND, UNDISTURBED, STRANGE = "onlooker", "undisturbed", "strange"
"""Databases; into the last one a sink of the same group would write."""
SMALL = 3
"""The broker whose disk can be made full, counted from 1."""
WORKERS = {"observe": 1, "measure": 2, "sink": 2}
ARGUMENTS = {
    "observe": ("work", "--role", "observe"),
    "measure": ("work", "--role", "measure"),
    "sink": ("sink",),
}


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that may be struck, and the two databases."""

    folder: Path
    broker: BrokerOptions
    cluster: KafkaCluster
    server: EmbeddedServer
    config: Path
    undisturbed_config: Path
    strange_config: Path
    disk: SmallDisk
    twin: Supervised
    """Captures the last round too, from another machine."""
    again: Supervised
    """Captures the first round again, a day later."""
    services: dict[str, list[Supervised]]
    captures: list[Supervised]
    """One after the other."""
    frames: int
    """Of each capture."""

    @property
    def everything(self) -> list[Supervised]:
        """All supervised services."""
        return [
            *self.captures,
            self.twin,
            self.again,
            *(one for several in self.services.values() for one in several),
        ]

    def store(self, database: str) -> ClickHouse:
        """A database of the site."""
        return ClickHouse(_address(self.server, database))

    def revive_clickhouse(self, timeout_s: float = 60.0) -> None:
        """Start the database again; another program may hold its port for a moment."""
        until = time.monotonic() + timeout_s
        while True:
            try:
                return self.server.ensure_running()
            except DependencyAwayError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)

    def kill_clickhouse(self) -> None:
        """`kill -9` of the database."""
        pid = self.server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)


@contextmanager
def open_site(folder: Path, options: ChaosOptions) -> Iterator[Site]:
    """Start brokers and database, make topics and tables; the services are not started yet.

    Args:
        folder: for data, logs and configuration.
        options: which recordings.

    Yields:
        The site; everything is ended afterwards.
    """
    with ExitStack() as stack:
        disk = stack.enter_context(SmallDisk(folder / "kafka" / f"broker-{SMALL}" / "data"))
        cluster = stack.enter_context(KafkaCluster(folder / "kafka", brokers=3))
        server = stack.enter_context(EmbeddedServer(folder / "clickhouse"))
        broker = BrokerOptions(bootstrap=cluster.bootstrap, prefix="chaos")
        site = _site(folder, options, broker=broker, cluster=cluster, server=server, disk=disk)
        stack.callback(_stop_all, site.everything)
        _prepare(site)
        yield site


def _site(
    folder: Path,
    options: ChaosOptions,
    *,
    broker: BrokerOptions,
    cluster: KafkaCluster,
    server: EmbeddedServer,
    disk: SmallDisk,
) -> Site:
    """Write the configurations, and say which services there are."""
    rounds = list(range(1, options.rounds + 1))
    stands = {number: [_stand(clip, number) for clip in options.clips] for number in rounds}
    everything = [stand for several in stands.values() for stand in several]

    def written(name: str, database: str, stands: list[dict[str, Any]]) -> Path:
        return _write_config(folder / f"{name}.yaml", broker, _address(server, database), stands)

    config = written("services", FOUND, everything)
    captures = {n: written(f"capture-{n}", FOUND, stands[n]) for n in rounds}
    twin = written("twin", FOUND, stands[rounds[-1]])
    again = written("again", FOUND, [_stand(clip, rounds[0], day=3) for clip in options.clips])
    return Site(
        folder=folder,
        broker=broker,
        cluster=cluster,
        server=server,
        config=config,
        undisturbed_config=written(UNDISTURBED, UNDISTURBED, everything),
        strange_config=written(STRANGE, STRANGE, everything),
        disk=disk,
        twin=_service(folder, twin, "twin", ("capture", "--json"), ends=True),
        again=_service(folder, again, "again", ("capture", "--json"), ends=True),
        services={
            kind: [_service(folder, config, f"{kind}-{n}", ARGUMENTS[kind]) for n in range(1, count + 1)]
            for kind, count in WORKERS.items()
        },
        captures=[
            _service(folder, path, f"capture-{n}", ("capture", "--json"), ends=True)
            for n, path in captures.items()
        ],
        frames=sum(claimed_frames(parse_source(_clip(clip))) or 0 for clip in options.clips),
    )


def _prepare(site: Site) -> None:
    for database in (FOUND, UNDISTURBED, STRANGE):
        create_database(_address(site.server, database))
        store = site.store(database)
        migrate(store, released())
        make_witnesses(store)
        store.close()
    create_topics(site.config)


def _service(
    folder: Path, config: Path, name: str, arguments: tuple[str, ...], *, ends: bool = False
) -> Supervised:
    command = [*COMMAND, *arguments, "--config", str(config)]
    return Supervised(name, command, folder=folder, environment={"HOSTNAME": name}, ends=ends)


def _stop_all(services: list[Supervised]) -> None:
    for one in services:
        one.stop()


def _address(server: EmbeddedServer, database: str) -> Address:
    return msgspec.structs.replace(server.address(), database=database)


def _write_config(path: Path, broker: BrokerOptions, address: Address, stands: list[dict[str, Any]]) -> Path:
    user = f"{address.user}:{address.password}"
    content: Mapping[str, Any] = {
        "data_dir": str(path.with_suffix("")),
        "kafka": {"bootstrap": broker.bootstrap, "prefix": broker.prefix},
        "topics": {"partitions": PARTITIONS},
        "sink": {"session_timeout_s": SESSION_S},
        "work": {"session_timeout_s": SESSION_S},
        "clickhouse": {"url": f"clickhouse://{user}@{address.host}:{address.port}/{address.database}"},
        "stands": stands,
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def _clip(name: str) -> str:
    return str(ModelCache(cache_dir()).sample_path(name))


def _stand(clip: str, number: int, *, day: int = 2) -> dict[str, Any]:
    start = f"2026-03-{day:02}T10:{number:02}:00Z"
    return {
        "stand_id": f"recorded-{Path(clip).stem}-{number}",
        "cameras": [{"source": _clip(clip), "start_at": start}],
        "playlist": {
            "slots": [
                {"campaign_id": "recorded", "creative_id": "first", "duration_s": 2},
                {"campaign_id": "recorded", "creative_id": "second", "duration_s": 3},
            ]
        },
    }
