"""Folders that only their owner enters, and files that are erased."""

import os
import secrets
from pathlib import Path

from schemas.durable import sync_folder
from schemas.files import naming


def private_folder(path: Path) -> None:
    """Make a folder that only its owner can enter; an existing one is closed to others."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)


def erase(path: Path) -> None:
    """Overwrite a file, if there is one, with random bytes, flush that to the disk, and remove it."""
    if not path.exists():
        return
    with naming(path), path.open("r+b") as file:
        file.write(secrets.token_bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync_folder(path.parent)
