"""File operations that survive a crash: private, atomic writes and erasing."""

import os
import secrets
from pathlib import Path


def private_folder(path: Path) -> None:
    """Make a folder that only its owner can enter; an existing one is closed to others.

    Args:
        path: the folder.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file readable by its owner only, wholly or not at all.

    Args:
        path: the file; an existing one is replaced.
        content: all of it.
    """
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    sync_folder(path.parent)


def erase(path: Path) -> None:
    """Overwrite a file with random bytes, flush that to the disk, and remove it.

    Args:
        path: the file; nothing happens when there is none.
    """
    if not path.exists():
        return
    with path.open("r+b") as file:
        file.write(secrets.token_bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Flush a folder's list of names to the disk.

    Args:
        path: the folder.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
