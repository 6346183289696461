"""The services as an operator runs them: processes with a configuration, a log each, and a way to wait."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kafka import TopicPartition
from kafka.errors import KafkaError

from schemas.broker import BrokerOptions
from schemas.topics import Topic
from tests.e2e.command import COMMAND
from tests.offsets import offsets_at

READS: dict[str, tuple[Topic, ...]] = {
    "observe": ("frames",),
    "measure": ("observations", "plays"),
    "sink": ("visits", "plays", "campaign_windows"),
}
"""What each consumer group reads."""


class Services:
    """Service processes of one site.

    Args:
        folder: for logs.
        config: the configuration that all of them read.
    """

    def __init__(self, folder: Path, config: Path) -> None:
        self.folder = folder
        self.config = config
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *arguments: str | Path) -> subprocess.Popen[bytes]:
        """Start `onlooker ARGUMENTS --config ...`; its output goes to `NAME.log` and `NAME.out`."""
        with (
            (self.folder / f"{name}.log").open("ab") as log,
            (self.folder / f"{name}.out").open("ab") as out,
        ):
            process = subprocess.Popen(
                [*COMMAND, *map(str, arguments), "--config", str(self.config)], stdout=out, stderr=log
            )
        self.processes[name] = process
        return process

    def log(self, name: str) -> str:
        """The last lines a service said."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")[-3000:]

    def finished(self, name: str, timeout_s: float = 180.0) -> int:
        """Wait for a service to end by itself; its exit code."""
        return self.processes[name].wait(timeout_s)

    def check(self) -> None:
        """Fail when a service has died."""
        for name, process in self.processes.items():
            code = process.poll()
            assert code in (None, 0), f"{name} ended with {code}: {self.log(name)}"

    def stop(self) -> dict[str, int]:
        """Ask every service to end as an operator does; exit code by name."""
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        return {name: process.wait(60) for name, process in self.processes.items()}

    def kill(self) -> None:
        """End whatever still runs."""
        for process in self.processes.values():
            process.kill()
            process.wait()


@contextmanager
def services(folder: Path, config: Path) -> Iterator[Services]:
    """Services that do not outlive their test."""
    running = Services(folder, config)
    try:
        yield running
    finally:
        running.kill()


def wait_until(condition: Callable[[], bool], what: str, *, timeout_s: float = 120.0) -> None:
    """Wait for a condition; fails with words when the time is over."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(0.2)


def wait_until_drained(
    broker: BrokerOptions,
    running: Services,
    services: Iterable[str] = ("observe", "measure", "sink"),
    *,
    timeout_s: float = 180.0,
) -> None:
    """Wait until the groups of some services have committed all that their topics hold, upstream first."""
    for service in services:

        def drained(service: str = service) -> bool:
            running.check()
            return is_drained(broker, service, READS[service])

        wait_until(drained, f"{service} drained: {running.processes.keys()}", timeout_s=timeout_s)


def is_drained(broker: BrokerOptions, service: str, topics: Iterable[Topic]) -> bool:
    """Whether a group has committed all that its topics hold; not while the brokers do not know the group."""
    try:
        return lag(broker, service, topics) == 0
    except KafkaError:
        return False


def lag(broker: BrokerOptions, service: str, topics: Iterable[Topic]) -> int:
    """Messages that a group has not committed yet."""
    names = [broker.topics.name(topic) for topic in topics]
    return offsets_at(broker.bootstrap).lag(broker.group(service), names)


def end_offsets(broker: BrokerOptions, names: Iterable[str]) -> dict[TopicPartition, int]:
    """Where each partition of some topics ends."""
    return offsets_at(broker.bootstrap).ends(names)
