"""One owner a data directory: a lock that the system frees when its holder dies."""

import errno
import fcntl
import os
import time
from pathlib import Path
from typing import Self

from schemas.errors import LimitReachedError, UsageError
from schemas.files import naming, words_of
from schemas.names import quoted, visible


class InUseError(UsageError):
    """Another process owns the data directory."""


class Ownership:
    """Holds a data directory for this process, from `take` to `release`.

    Args:
        lock: the lock file; its folder is made if need be.
        patience_s: how long to wait for another owner to finish, s.
    """

    def __init__(self, lock: Path, *, patience_s: float = 1.0) -> None:
        self._path = lock
        self._patience_s = patience_s
        self._fd: int | None = None

    def take(self) -> None:
        """Become the owner.

        Raises:
            InUseError: another process has it.
            UsageError: the folder cannot be made or written.
            LimitReachedError: the disk is full.
        """
        fd = self._open()
        deadline = time.monotonic() + self._patience_s
        while not _locked(fd):
            if time.monotonic() >= deadline:
                owner = os.pread(fd, 32, 0).decode(errors="replace").strip() or "unknown"
                os.close(fd)
                raise InUseError(f"data directory {quoted(self._path.parent)} is in use by process {owner}")
            time.sleep(0.05)
        self._fd = fd
        with naming(self._path):
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let others have it; harmless when not owned."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(self, *trouble: object) -> None:
        self.release()

    def _open(self) -> int:
        folder = self._path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise disk_full(folder) from error
            words = f"cannot write in data directory {quoted(folder)}: {words_of(error)}"
            raise UsageError(words) from error


def check_name(data_dir: Path) -> None:
    """Complain of a name that the server's configuration cannot hold.

    Raises:
        UsageError: it is not UTF-8, or has control characters in it.
    """
    if visible(str(data_dir)) != str(data_dir):
        raise UsageError(
            f"ClickHouse does not take {quoted(data_dir)} as its data directory: name one in UTF-8, without "
            "control characters."
        )


def disk_full(data_dir: Path) -> LimitReachedError:
    """The trouble, to be raised, with the disk of a data directory that has no room left."""
    return LimitReachedError(
        f"the disk of the data directory {quoted(data_dir)} is full: free some space and run it again"
    )


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
