"""Opens files that may be somebody else's: plain ones, up to a limit, and writes through no link."""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

from schemas.errors import UsageError


def open_plain(path: Path) -> BufferedReader:
    """A file, open for reading: of a pipe or a device nobody knows when it ends.

    Raises:
        UsageError: it is no plain file.
        OSError: it cannot be opened.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise UsageError(f"{path} is no plain file: it is not read.")
    return os.fdopen(handle, "rb")


def read_bounded(path: Path, most_bytes: int, what: str) -> bytes:
    """All of a plain file that is not too large.

    Args:
        path: the file.
        most_bytes: of a larger one no more is read.
        what: it should be, for the sentence: `journal`.

    Raises:
        UsageError: it is larger, or no plain file.
        OSError: it cannot be read.
    """
    with open_plain(path) as file:
        said = os.fstat(file.fileno()).st_size
        data = b"" if said > most_bytes else file.read(most_bytes + 1)
    if said > most_bytes or len(data) > most_bytes:
        raise UsageError(f"{path} has more than {most_bytes} bytes: that is no {what}.")
    return data


def no_link(name: str, flags: int) -> int:
    """An opener for `open`: whoever writes into such a folder follows no link out of it.

    Raises:
        UsageError: the file is a link.
        OSError: it cannot be opened.
    """
    try:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise UsageError(f"{name} is a link: nothing is written through one. Remove it.") from error
