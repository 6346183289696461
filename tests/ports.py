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
    """A loopback port that no other test process takes, whether or not somebody listens there now."""

    def __init__(self) -> None:
        self._lock: IO[str] | None = None
        folder = Path(tempfile.gettempdir()) / f"onlooker-ports-{os.getuid()}"
        folder.mkdir(exist_ok=True)
        for number in random.sample(range(FIRST_PORT, LAST_PORT), k=200):
            lock = (folder / str(number)).open("w")
            if _locked(lock) and _unused(number):
                self._lock, self.number = lock, number
                return
            lock.close()
        raise NoPortError(f"No free port between {FIRST_PORT} and {LAST_PORT}.")

    def free(self) -> None:
        """Give the port back; the end of the process does the same."""
        if self._lock is not None:
            self._lock.close()


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
