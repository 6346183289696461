"""The site key: the one secret that opens a gallery, kept in a file of its own."""

import os
import secrets
import stat
from pathlib import Path

from schemas.errors import UsageError
from schemas.files import naming
from schemas.foreign import read_bounded
from schemas.names import quoted

KEY_BYTES = 32
MOST_BYTES = 4096
OPEN_TO_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def create_site_key(path: Path) -> bytes:
    """Make a new site key of 32 random bytes in a new file that only its owner reads.

    Raises:
        FileExistsError: when there is a file already.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = secrets.token_bytes(KEY_BYTES)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with naming(path), os.fdopen(handle, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    return key


def read_site_key(path: Path) -> bytes:
    """The site key, 32 bytes, from its file.

    Raises:
        UsageError: when it is missing, damaged, or readable by others.
    """
    if not path.is_file():
        raise UsageError(
            f"The site key {quoted(path)} is missing, so the gallery cannot be opened. Put the key file back "
            "or name it with --site-key; without it the people have to be enrolled again."
        )
    if stat.S_IMODE(path.stat().st_mode) & OPEN_TO_OTHERS:
        raise UsageError(
            f"The site key {quoted(path)} can be read by others. Run `chmod 600 {quoted(path)}`."
        )
    key = read_bounded(path, MOST_BYTES, "site key")
    if len(key) != KEY_BYTES:
        raise UsageError(
            f"The site key {quoted(path)} is damaged ({len(key)} bytes, not {KEY_BYTES}). Restore it."
        )
    return key
