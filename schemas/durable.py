"""Files that survive a crash: written whole or not at all, and there after a power cut."""

import os
import secrets
from pathlib import Path

from schemas.files import naming

_NAME = 60


def write_whole(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write a file wholly or not at all: whoever reads sees the old one or the new one.

    Args:
        path: the file; an existing one is replaced.
        content: all of it.
        private: only its owner may read it.

    Raises:
        OSError: it cannot be written; names the file.
    """
    with naming(path):
        _write_whole(path, content, private=private)


def _write_whole(path: Path, content: bytes, *, private: bool) -> None:
    # The name is cut, so that a long one leaves room for what is added.
    draft = path.with_name(f".{path.name[:_NAME]}.{secrets.token_hex(4)}.tmp")
    mode = 0o600 if private else 0o666
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Flush a folder's list of names to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
