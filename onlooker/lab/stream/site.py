"""Where the parts are measured: brokers, topics and a database of their own, services as processes."""

import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError

import onlooker
from onlooker.settings.configuration import Settings, without_secrets
from onlooker.wiring.database import prepare, serving
from processors.topology import topic_of
from producers.brokers.plan import TopicOptions, plan_topics, wanted_topics
from producers.brokers.topics import Topics
from schemas.broker import BrokerOptions
from schemas.errors import DependencyAwayError
from schemas.message import About
from schemas.reading import stand_of
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry
from sinks.store.address import Address

TOOL = Path(onlooker.__file__).resolve().parent.parent / "docker" / "kafka"
PORTS = range(20_000, 32_000, 7)
LAST_WORDS = 600
T = TypeVar("T")
replace = msgspec.structs.replace


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """What a part is handed."""

    settings: Settings
    """The user's, with our brokers; their passwords are filled in."""
    folder: Path
    """For data, configurations and logs."""
    say: Callable[[str], None]
    """Takes a sentence about the progress."""
    repeat: int
    quick: bool
    """Only to show that it runs."""

    def amount(self, usual: T, *, quick: T) -> T:
        """How much there is to do: usually so much that all parts take about five minutes on two cores."""
        return quick if self.quick else usual

    @property
    def kafka(self) -> BrokerOptions:
        """The brokers, under a prefix that nobody else has."""
        return self.settings.kafka


@contextmanager
def broker(named: BrokerOptions | None, folder: Path) -> Iterator[BrokerOptions]:
    """A site of its own, on brokers that run already or on one that is started here (None) with its data.

    Topics of other sites are not touched.

    Raises:
        DependencyAwayError: No broker can be started here; says what is missing.
    """
    prefix = f"bench-{uuid.uuid4().hex[:8]}"
    if named is not None:
        yield replace(named, prefix=prefix)
        return
    if not TOOL.exists():
        raise DependencyAwayError(
            "This installation cannot start a broker (docker/kafka of the source tree is not here): "
            "name a running one with --bootstrap."
        )
    # The controller listens 10,000 ports above; start.sh says so when none is free.
    port = next((port for port in PORTS if _is_free(port) and _is_free(port + 10_000)), PORTS[0])
    data = ("--data", folder / "kafka")
    start = (TOOL / "start.sh", "--port", str(port), *data)
    done = subprocess.run(start, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        words = " ".join(done.stderr.split()) or "no reason was given"
        raise DependencyAwayError(
            f"No broker could be started: {words} A running one may be named with --bootstrap."
        )
    try:
        yield BrokerOptions(bootstrap=f"127.0.0.1:{port}", prefix=prefix)
    finally:
        subprocess.run((TOOL / "stop.sh", *data), capture_output=True, check=False)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) != 0


@contextmanager
def database(folder: Path) -> Iterator[Address]:
    """A managed ClickHouse with the tables of this version; never the configured one."""
    settings = Settings(data_dir=folder / "clickhouse")
    with serving(settings) as there:
        prepare(there, settings)
        yield there.address


@contextmanager
def apart(site: Site, *, partitions: int) -> Iterator[Site]:
    """The same brokers under a prefix and in a folder of their own, so that groups begin at the first event.

    The topics are those that `onlooker topics create` makes; they are deleted when the block ends.
    """
    folder = site.folder / uuid.uuid4().hex[:8]
    folder.mkdir()
    kafka = replace(site.kafka, prefix=f"{site.kafka.prefix}-{folder.name}")
    with closing(Topics(kafka)) as door:
        options = TopicOptions(partitions=partitions)
        door.create(plan_topics(wanted_topics(options, kafka.topics, brokers=door.brokers()), {}))
    try:
        yield replace(site, settings=replace(site.settings, kafka=kafka), folder=folder)
    finally:
        with closing(admin_of(kafka)) as admin, suppress(KafkaError):
            admin.delete_topics([name for name in admin.list_topics() if name.startswith(kafka.prefix)])


def admin_of(kafka: BrokerOptions) -> KafkaAdminClient:
    """kafka-python's client for groups and topics; the caller closes it."""
    return KafkaAdminClient(**kafka.arguments())


def bare_producer(kafka: BrokerOptions, **more: Any) -> KafkaProducer:
    """A producer with the settings of `producers.publish.publisher`, and nothing around it."""
    return KafkaProducer(
        **kafka.arguments(),
        acks="all",
        enable_idempotence=True,
        batch_size=256 * 1024,
        max_request_size=4 * 1024 * 1024,
        allow_auto_create_topics=False,
        **more,
    )


def fill(kafka: BrokerOptions, events: Iterable[Any]) -> None:
    """Put events of stands into their topics."""
    codec, headers = AvroCodec(FileRegistry()), About(producer="bench", produced_us=0).headers()
    with closing(bare_producer(kafka, linger_ms=20)) as producer:
        for event in events:
            name, key = kafka.topics.name(topic_of(event)), (stand_of(event) or "").encode()
            producer.send(name, codec.encode(event), key, headers=headers)
        producer.flush()


@contextmanager
def in_thread(work: Callable[[threading.Event], object]) -> Iterator[None]:
    """Do something beside the block until its end, which is told by an event; a failure is raised then."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work, stop)
        try:
            yield
        finally:
            stop.set()
            done.result()


class Services:
    """Processes that do not outlive the block, all with the settings of the site but for some sections."""

    def __init__(self, site: Site, **changes: Any) -> None:
        self._folder = site.folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = dict(os.environ)
        if site.kafka.password is not None:
            self._environment["ONLOOKER_KAFKA_PASSWORD"] = site.kafka.password
        kafka = replace(site.kafka, password=None, password_file=None)
        settings = replace(site.settings, kafka=kafka, data_dir=site.folder / "data", **changes)
        self._config = site.folder / "site.yaml"
        self._config.write_bytes(msgspec.json.encode(without_secrets(settings), enc_hook=str))

    def __enter__(self) -> "Services":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.terminate()
        until_s = time.monotonic() + 15.0
        for process in self._processes.values():
            try:
                process.wait(max(0.1, until_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self, name: str, module: str, *arguments: str | Path) -> None:
        """Start `python -m MODULE ARGUMENTS --config CONFIG`, with the log `NAME.log`."""
        command = [sys.executable, "-m", module, *map(str, arguments), "--config", str(self._config)]
        with (self._folder / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment
            )

    def has_ended(self, name: str) -> bool:
        """Whether a process is there no more."""
        return self._processes[name].poll() is not None

    def wait(self, condition: Callable[[], object], *, words: str, timeout_s: float) -> None:
        """Wait until something is so, in vain when a process dies.

        Raises:
            DependencyAwayError: It took too long, or a process died: with its last words.
        """
        until_s = time.monotonic() + timeout_s
        while not condition():
            self.check()
            if time.monotonic() > until_s:
                raise DependencyAwayError(f"After {timeout_s:.0f} s still not: {words}.")
            time.sleep(0.05)

    def check(self) -> None:
        """Complain of a process that has died, as `wait` does."""
        for name, process in self._processes.items():
            if process.poll() not in (None, 0):
                words = (self._folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")
                raise DependencyAwayError(
                    f"{name} ended with exit code {process.returncode}: {words[-LAST_WORDS:].strip()}"
                )
