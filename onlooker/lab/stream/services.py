"""Service processes of a benchmark: started with a configuration, watched, ended with it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import yaml

from onlooker.lab.stream.servers import url_of
from onlooker.lab.stream.site import Site
from onlooker.settings.configuration import Settings, StandSettings, without_secrets
from schemas.errors import DependencyAwayError

POLL_S = 0.05
LAST_WORDS = 600


class Services:
    """The processes of one site.

    Args:
        folder: for logs.
        environment: of every process, with secrets.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *arguments: str | Path) -> None:
        """Start `python -m ARGUMENTS`.

        Args:
            name: of this process; its log is `NAME.log`.
            arguments: module and arguments.
        """
        with (self._folder / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
            )

    def check(self) -> None:
        """Complain of a process that has died.

        Raises:
            DependencyAwayError: with its last words.
        """
        for name, process in self._processes.items():
            if process.poll() not in (None, 0):
                words = (self._folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")
                raise DependencyAwayError(
                    f"{name} ended with exit code {process.returncode}: {words[-LAST_WORDS:].strip()}"
                )

    def running(self, name: str) -> bool:
        """Whether a process has not ended yet."""
        return self._processes[name].poll() is None

    def cpu_seconds(self, name: str) -> float:
        """CPU time that a running process has used so far, s."""
        fields = Path(f"/proc/{self._processes[name].pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def stop(self, timeout_s: float = 15.0) -> None:
        """Ask every process to end; by force those that take longer."""
        for process in self._processes.values():
            process.terminate()
        until = time.monotonic() + timeout_s
        for process in self._processes.values():
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()


@contextmanager
def services(site: Site, *, database: bool = False) -> Iterator[Services]:
    """Processes that do not outlive the block.

    Args:
        site: whose broker they use.
        database: whether they need the ClickHouse, too.

    Yields:
        None started yet.
    """
    environment = dict(os.environ)
    if site.kafka.password is not None:
        environment["ONLOOKER_KAFKA_PASSWORD"] = site.kafka.password
    if database:
        environment["ONLOOKER_CLICKHOUSE_URL"] = url_of(site.clickhouse)
    found = Services(site.folder, environment)
    try:
        yield found
    finally:
        found.stop()


def written(site: Site, name: str, *, stands: Sequence[StandSettings] = (), **changes: Any) -> Path:
    """A configuration for the services of a benchmark: the user's, with our broker and our stands.

    Args:
        site: whose broker it names.
        name: of the file.
        stands: with their cameras.
        changes: other sections in place of the user's.

    Returns:
        The file; no secret is in it.
    """
    settings = msgspec.structs.replace(
        site.settings,
        stands=tuple(stands),
        kafka=msgspec.structs.replace(site.kafka, password=None, password_file=None),
        clickhouse=type(site.settings.clickhouse)(),
        registry=type(site.settings.registry)(),
        data_dir=site.folder / f"{name}-data",
        **changes,
    )
    path = site.folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(_plain(without_secrets(settings))), encoding="utf-8")
    return path


def _plain(settings: Settings) -> Any:
    """YAML's own kinds of values: paths as text, defaults as they are."""
    return msgspec.json.decode(msgspec.json.encode(settings, enc_hook=str))


def wait_until(
    condition: Callable[[], bool], *, words: str, timeout_s: float, check: Callable[[], None]
) -> None:
    """Wait for a condition.

    Args:
        condition: asked again and again.
        words: what is waited for.
        timeout_s: most time for it, s.
        check: complains when waiting is in vain.

    Raises:
        DependencyAwayError: It took too long.
    """
    until = time.monotonic() + timeout_s
    while not condition():
        check()
        if time.monotonic() > until:
            raise DependencyAwayError(f"After {timeout_s:.0f} s still not: {words}.")
        time.sleep(POLL_S)
