"""A ClickHouse of our own: a child process on loopback that keeps its data in a data directory."""

import errno
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import msgspec

from schemas.errors import DependencyAwayError, OnlookerError
from sinks.ownership import Ownership, check_name, disk_full
from sinks.store.address import Address
from sinks.store.clickhouse import create_database
from sinks.store.embedded.files import (
    CONNECTION,
    LOCK,
    LOGS,
    RUN,
    STORE,
    Connection,
    write_configuration,
    write_private,
)


class EmbeddedOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the embedded server."""

    memory_bytes: int = 1 << 30
    """Most memory the server may take for its questions and merges, bytes."""
    start_timeout_s: float = 30.0
    """How long a start may take, s."""
    owner_timeout_s: float = 1.0
    """How long to wait for another owner of the data directory to finish, s."""
    stop_timeout_s: float = 5.0
    """How long a stop may take before it is forced, s."""


class EmbeddedServer:
    """The server of one data directory, made if need be, owned by this process; a context manager."""

    def __init__(self, data_dir: Path, options: EmbeddedOptions | None = None) -> None:
        self._data_dir = data_dir.resolve()
        self._options = options or EmbeddedOptions()
        self._ownership = Ownership(self._data_dir / LOCK, patience_s=self._options.owner_timeout_s)
        self._child: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    def start(self) -> None:
        """Take the directory, start the child and wait until it answers a question.

        Raises:
            InUseError: another process owns the directory.
            UsageError: it has a name that ClickHouse does not take.
            DependencyAwayError: the server does not start.
            LimitReachedError: the disk is full.
        """
        check_name(self._data_dir)
        try:
            with self._full_disk_told():
                self._ownership.take()
                self._launch_on_free_ports()
        except BaseException:
            self.stop()
            raise

    def ensure_running(self) -> None:
        """Start the child again if it has died; ports and passwords stay the same.

        Raises:
            DependencyAwayError: the server does not start.
        """
        if self._child is None or self._child.poll() is not None:
            with self._full_disk_told():
                self._launch()

    def stop(self) -> None:
        """End the child and let the directory go; harmless when not started."""
        self._end_child()
        if self._connection is not None:
            (self._data_dir / CONNECTION).unlink(missing_ok=True)
            self._connection = None
        self._ownership.release()

    def address(self, *, analyst: bool = False) -> Address:
        """How to reach the server, with password; an analyst may only read."""
        if self._connection is None:
            raise DependencyAwayError("the embedded ClickHouse is not running")
        address = address_of(self._connection, analyst=analyst)
        return msgspec.structs.replace(address, data_dir=str(self._data_dir))

    @property
    def pid(self) -> int | None:
        """Process id of the child, None when it is not running."""
        return self._child.pid if self._child else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *trouble: object) -> None:
        self.stop()

    @contextmanager
    def _full_disk_told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise disk_full(self._data_dir) from error

    def _launch_on_free_ports(self) -> None:
        try:
            self._launch()
        except DependencyAwayError:
            # another program may have taken a port between its choice and its use
            self._end_child()
            self._connection = None
            self._launch()

    def _launch(self) -> None:
        store, run, logs = (self._data_dir / name for name in (STORE, RUN, LOGS))
        for folder in (store, run, logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = self._connection or _new_connection()
        write_configuration(self._data_dir, connection, self._options.memory_bytes)
        with (logs / "clickhouse.start.log").open("wb") as log:
            self._child = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    str(Path(__file__).with_name("child.py")),
                    run,
                    store,
                    logs,
                ],
                env=_bare_environment(run),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._connection = msgspec.structs.replace(connection, pid=self._child.pid)
        self._wait_until_ready()
        write_private(self._data_dir / CONNECTION, msgspec.json.encode(self._connection).decode())

    def _wait_until_ready(self) -> None:
        assert self._child is not None
        assert self._connection is not None
        deadline = time.monotonic() + self._options.start_timeout_s
        while time.monotonic() < deadline:
            if self._child.poll() is not None:
                raise DependencyAwayError(f"the embedded ClickHouse ended at its start: {self._last_words()}")
            if _answers(self._connection):
                return
            time.sleep(0.03)
        raise DependencyAwayError(
            f"the embedded ClickHouse did not answer within {self._options.start_timeout_s:.0f} s: "
            f"see {self._data_dir / LOGS}"
        )

    def _last_words(self) -> str:
        log = self._data_dir / LOGS / "clickhouse.start.log"
        lines = log.read_text(errors="replace").strip().splitlines()
        return f"{lines[-1][:200] if lines else 'without a word'} (see {log})"

    def _end_child(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.terminate()
        try:
            child.wait(self._options.stop_timeout_s)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if child.stdin is not None:
            child.stdin.close()


def address_of(connection: Connection, *, analyst: bool) -> Address:
    """The address, with password, that a connection file stands for; an analyst may only read."""
    return Address(
        host=connection.host,
        port=connection.tcp_port,
        user="analyst" if analyst else "onlooker",
        password=connection.analyst_password if analyst else connection.onlooker_password,
        database=connection.database,
    )


def _bare_environment(run: Path) -> dict[str, str]:
    """What the child needs of the environment: in the rest there are passwords, which `file()` could read.

    It makes a folder for its beginning, which it may do nowhere else than in its own.
    """
    needed = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in needed if name in os.environ} | {"TMPDIR": str(run)}


def _new_connection() -> Connection:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return Connection(
            tcp_port=first.getsockname()[1],
            http_port=second.getsockname()[1],
            analyst_password=secrets.token_urlsafe(24),
            onlooker_password=secrets.token_urlsafe(24),
            pid=0,
        )


def _answers(connection: Connection) -> bool:
    try:
        create_database(address_of(connection, analyst=False))
    except OnlookerError:
        return False
    return True
