"""Writing into the cache: whole files only, one writer at a time, a receipt for each file."""

import errno
import fcntl
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import msgspec

from onlooker.models.cache import Receipt, receipt_path
from schemas.durable import write_whole
from schemas.errors import UsageError
from schemas.files import words_of
from schemas.names import quoted


def keep(path: Path, content: bytes) -> None:
    """Write a file, in place of an older one, so that it is there whole or not at all; then its receipt."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)
    state = path.stat()
    sha256 = hashlib.sha256(content).hexdigest()
    receipt = Receipt(sha256=sha256, size_bytes=state.st_size, changed_ns=state.st_ctime_ns)
    write_whole(receipt_path(path), msgspec.json.encode(receipt))


@contextmanager
def sole_writer(root: Path) -> Iterator[Path]:
    """Wait until no other process writes into the cache, and hold it.

    Yields:
        An empty folder inside the cache for what is on its way; it is gone afterwards.

    Raises:
        UsageError: the cache cannot be made or written.
    """
    with _lock_file(root) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        arriving = root / ".arriving"
        # What a killed process left behind.
        shutil.rmtree(arriving, ignore_errors=True)
        arriving.mkdir()
        try:
            yield arriving
        finally:
            shutil.rmtree(arriving, ignore_errors=True)


def _lock_file(root: Path) -> TextIO:
    try:
        root.mkdir(parents=True, exist_ok=True)
        return (root / ".lock").open("w")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UsageError(
            f"The model cache {quoted(root)} cannot be written ({words_of(error)}). "
            "Set ONLOOKER_CACHE to another folder."
        ) from error
