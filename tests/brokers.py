"""Apache Kafka on loopback for tests: one broker or several, to be killed, paused and brought back."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from kafka import KafkaAdminClient, KafkaConsumer
from kafka.errors import KafkaError

from tests.java import TOOL, archiving, class_archive, quick
from tests.ports import Port

QUIET = """metadata.max.idle.interval.ms=0
replica.fetch.wait.max.ms=2000
group.coordinator.threads=1
share.coordinator.threads=1
background.threads=2
"""
"""A broker that has nothing to do does less: how it behaves towards clients and in a death stays the same."""


class NoBrokerError(Exception):
    """A broker does not start or does not become ready; the words carry the last lines of its log."""


class KafkaCluster:
    """A cluster of brokers that die with this process.

    Args:
        folder: for data and logs; empty, or of an earlier cluster with the same number of brokers.
        brokers: 1, or 3 and more for replication 3 with min.insync 2. Brokers are counted from 0.
        extra: lines for the end of every `server.properties`; they win.
        client: what clients must say beside `bootstrap_servers` (security), for `wait_until_ready`.
        java: options of every broker's Java; None: those that make it ready soon.
    """

    def __init__(
        self,
        folder: Path,
        *,
        brokers: int = 1,
        extra: str = "",
        client: dict[str, object] | None = None,
        java: str | None = None,
    ) -> None:
        self.folder = folder
        self._environment = {**os.environ, "ONLOOKER_KAFKA_JAVA": quick() if java is None else java}
        self.client = {} if client is None else client
        self._ports = [Port() for _ in range(2 * brokers)]
        self._processes: list[subprocess.Popen[bytes] | None] = [None] * brokers
        folder.mkdir(parents=True, exist_ok=True)
        self._extra = folder / "extra.properties"
        self._extra.write_text(QUIET + extra, encoding="utf-8")

    @property
    def brokers(self) -> int:
        """How many brokers there are, running or not."""
        return len(self._processes)

    @property
    def ports(self) -> list[int]:
        """The clients' port of every broker."""
        return [port.number for port in self._ports[: self.brokers]]

    @property
    def bootstrap(self) -> str:
        """For `bootstrap_servers`: every broker's address, also of those that are down."""
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop(timeout_s=0)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(timeout_s=0)

    def start(self) -> None:
        """Start every broker that does not run; returns when the cluster is ready."""
        for i in range(self.brokers):
            self._spawn(i)
        self.wait_until_ready()

    def stop(self, *, timeout_s: float = 20.0) -> None:
        """Stop every broker, by force those that take longer; the ports are given back."""
        running = [(i, process) for i, process in enumerate(self._processes) if process is not None]
        for i, _ in running if timeout_s else ():
            with contextlib.suppress(ProcessLookupError, FileNotFoundError, ValueError):
                self._signal(i, signal.SIGCONT)
                self._signal(i, signal.SIGTERM)
        until = time.monotonic() + timeout_s
        for _, process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=max(0.0, until - time.monotonic()))
            _kill_group(process)
        self._processes = [None] * self.brokers
        for port in self._ports:
            port.free()

    def kill(self, i: int) -> None:
        """End a broker with SIGKILL, as a power cut does."""
        process = self._processes[i]
        assert process is not None, f"broker {i} does not run"
        _kill_group(process)
        self._processes[i] = None

    def restart(self, i: int, *, wait: bool = True) -> None:
        """Bring a killed broker back, on its old ports and data."""
        self._spawn(i)
        if wait:
            self.wait_until_ready()

    def pause(self, i: int) -> None:
        """Stop a broker's time with SIGSTOP: its connections stay open and silent."""
        self._signal(i, signal.SIGSTOP)

    def resume(self, i: int) -> None:
        """Let a paused broker go on."""
        self._signal(i, signal.SIGCONT)

    def log(self, i: int) -> Path:
        """The log of a broker since its last start; the one before has `.before` at its name."""
        return self._room(i) / "broker.log"

    def wait_until_ready(self, *, timeout_s: float = 120.0) -> None:
        """Wait until all running brokers serve clients and every replica of every partition is in sync.

        Raises:
            NoBrokerError: A broker has ended or is not ready in time; with the last lines of its log.
        """
        waiting = [i for i, process in enumerate(self._processes) if process is not None]
        until = time.monotonic() + timeout_s
        while waiting:
            waiting = [i for i in waiting if not self._has_started(i)]
            self._check_time(until, waiting)
        with contextlib.closing(self.admin(until)) as admin:
            while complaint := self._not_whole(admin):
                self._check_time(until, list(range(self.brokers)), complaint)

    def admin(self, until: float | None = None) -> KafkaAdminClient:
        """A client that makes topics and asks about the cluster; the caller closes it."""
        until = time.monotonic() + 30 if until is None else until
        while True:
            try:
                return KafkaAdminClient(
                    bootstrap_servers=self.bootstrap, bootstrap_timeout_ms=3000, **self.client
                )
            except KafkaError as error:
                self._check_time(until, list(range(self.brokers)), str(error))

    def _spawn(self, i: int) -> None:
        process = self._processes[i]
        if process is not None and process.poll() is None:
            return
        numbers = [str(port.number) for port in self._ports]
        command: list[str | Path] = [
            TOOL / "broker.sh",
            "--until-stdin-closes",
            "--data",
            self.folder,
            "--id",
            str(i + 1),
        ]
        command += ["--ports", ",".join(numbers[: self.brokers]), "--extra", self._extra]
        command += ["--controller-ports", ",".join(numbers[self.brokers :])]
        self._room(i).mkdir(exist_ok=True)
        (self._room(i) / "pid").unlink(missing_ok=True)
        if self.log(i).exists():
            self.log(i).rename(self.log(i).with_suffix(".log.before"))
        with (self._room(i) / "script.log").open("ab") as words:
            self._processes[i] = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=words,
                stderr=words,
                start_new_session=True,
                env=self._environment,
            )

    def _signal(self, i: int, word: signal.Signals) -> None:
        assert self._processes[i] is not None, f"broker {i} does not run"
        os.kill(int((self._room(i) / "pid").read_text()), word)

    def _room(self, i: int) -> Path:
        return self.folder / f"broker-{i + 1}"

    def _has_started(self, i: int) -> bool:
        process = self._processes[i]
        if process is None or process.poll() is not None:
            raise NoBrokerError(f"Broker {i} has ended:\n{self._last_words(i)}")
        return self.log(i).exists() and "Kafka Server started" in self.log(i).read_text(errors="replace")

    def _not_whole(self, admin: KafkaAdminClient) -> str:
        """What the cluster still lacks, in words; empty when it is whole."""
        try:
            alive = sum(not broker["is_fenced"] for broker in admin.describe_cluster()["brokers"])
            topics = admin.describe_topics()
        except KafkaError as error:
            return str(error)
        running = sum(process is not None for process in self._processes)
        if alive < running:
            return f"{alive} of {running} brokers are in the cluster"
        for topic in topics:
            for partition in topic["partitions"]:
                replicas = partition["replica_nodes"]
                here = [node for node in replicas if self._processes[node - 1] is not None]
                if not set(here) <= set(partition["isr_nodes"]):
                    return f"{topic['name']}-{partition['partition_index']} is not in sync"
        return ""

    def _check_time(self, until: float, waiting: list[int], complaint: str = "not started") -> None:
        if time.monotonic() > until:
            words = "\n".join(self._last_words(i) for i in waiting)
            raise NoBrokerError(f"Kafka is not ready in time ({complaint}):\n{words}")
        time.sleep(0.1)

    def _last_words(self, i: int) -> str:
        lines = []
        for path in (self._room(i) / "script.log", self.log(i)):
            if path.exists():
                lines += path.read_text(errors="replace").splitlines()[-15:]
        return "\n".join([f"{self.log(i)}:", *lines])


def why_not() -> str | None:
    """Why no broker can run here, in words; None when it can. Fetches Kafka's jars, once a machine."""
    done = subprocess.run([TOOL / "jars.sh"], capture_output=True, text=True, timeout=300, check=False)
    return None if done.returncode == 0 else done.stderr.strip()


def archive_classes(folder: Path) -> None:
    """Let a broker in a folder write the archive of its classes, once a machine: all others start from it."""
    if class_archive().exists():
        return
    draft = class_archive().with_name(f"{class_archive().name}.{os.getpid()}")
    with KafkaCluster(folder, java=archiving(draft)) as cluster:
        cluster.stop()
    if draft.exists():
        draft.rename(class_archive())


def wait_until(condition: Callable[[], bool], *, words: str, timeout_s: float = 30.0) -> None:
    """Wait for a condition, or fail with the words that name it."""
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, f"after {timeout_s} s still not: {words}"
        time.sleep(0.05)


def read_all(bootstrap: str, topic: str, *, count: int) -> list[bytes]:
    """Values from the beginning of a topic until there are `count`, or for 20 s."""
    values: list[bytes] = []
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=5_000_000,
    )
    until = time.monotonic() + 20
    while len(values) < count and time.monotonic() < until:
        values += [m.value for batch in consumer.poll(timeout_ms=200).values() for m in batch]
    consumer.close()
    return values


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
