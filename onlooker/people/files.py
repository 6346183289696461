"""Folders that only their owner enters, and files that are erased."""

import errno
import os
import secrets
from pathlib import Path

from schemas.durable import sync_folder
from schemas.errors import UsageError
from schemas.files import naming

CHUNK_BYTES = 1024 * 1024


def private_folder(path: Path) -> None:
    """Make a folder that only its owner can enter; an existing one is closed to others."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)


def own_folder(path: Path) -> None:
    """The same for a folder inside a gallery, which may be somebody else's: a link leads out of it.

    Raises:
        UsageError: it is a link.
    """
    if path.is_symlink():
        raise UsageError(f"{path} is a link: nothing is written or erased through one. Remove it.")
    private_folder(path)


def erase(path: Path) -> None:
    """Overwrite a file, if there is one, with random bytes, flush that to the disk, and remove it.

    A link is removed, and what it leads to stays as it is.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return
        if error.errno != errno.ELOOP:
            raise
    else:
        with naming(path), os.fdopen(handle, "r+b", buffering=0) as file:
            rest = os.fstat(handle).st_size
            while rest > 0:
                rest -= file.write(secrets.token_bytes(min(rest, CHUNK_BYTES)))
            os.fsync(handle)
    path.unlink()
    sync_folder(path.parent)
