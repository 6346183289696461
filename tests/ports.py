"""Loopback ports for servers of tests that come back on the port they had."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import IO

FIRST_PORT, LAST_PORT = 20_000, 32_000
"""Below the range from which the kernel gives ports to outgoing connections."""


class NoPortError(Exception):
    """Every port that was tried is taken."""


class Port:
    """A loopback port that no other test process takes, whether or not somebody listens there now.

    Args:
        and_above: the port that many above is reserved as well; 0: none.
    """

    def __init__(self, *, and_above: int = 0) -> None:
        self._locks: list[IO[str]] = []
        for number in random.sample(range(FIRST_PORT, LAST_PORT - and_above), k=200):
            self._locks = [lock for lock in map(_reserved, {number, number + and_above}) if lock]
            if len(self._locks) == len({number, number + and_above}):
                self.number = number
                return
            self.free()
        raise NoPortError(f"No free port between {FIRST_PORT} and {LAST_PORT}.")

    def free(self) -> None:
        """Give the port back; the end of the process does the same."""
        for lock in self._locks:
            lock.close()


def _reserved(number: int) -> IO[str] | None:
    """The lock of a port; None when another test process has it or somebody listens there."""
    folder = Path(tempfile.gettempdir()) / f"onlooker-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    lock = (folder / str(number)).open("w")
    if _locked(lock) and _unused(number):
        return lock
    lock.close()
    return None


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _unused(number: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return False
    return True
