"""Keeps the complaints of C libraries about a broken picture out of the program's error output."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

STDERR = 2
LIBRARY_WORDS = (
    b"Corrupt JPEG",
    b"Premature end of JPEG",
    b"Unsupported marker",
    b"Inconsistent progression",
    b"Invalid SOS",
    b"libpng ",
    b"TIFF",
    b"[ WARN",
    b"[ERROR",
    b"OpenCV: ",
)
"""How the lines begin that libjpeg, libpng, libtiff and OpenCV print by themselves."""

_LOCK = threading.Lock()


@contextmanager
def hushed() -> Iterator[None]:
    """Hold back what is printed to the process's error output and drop the libraries' own lines from it.

    Lines of other threads come out when the block ends: nothing of theirs is lost. Without an error output
    (a daemon that closed it) the block just runs.
    """
    with _LOCK:
        try:
            saved = os.dup(STDERR)
        except OSError:
            yield
            return
        held = os.memfd_create("stderr")
        os.dup2(held, STDERR)
        try:
            yield
        finally:
            os.dup2(saved, STDERR)
            _pass_on(held)
            os.close(held)
            os.close(saved)


def _pass_on(held: int) -> None:
    size = os.lseek(held, 0, os.SEEK_END)
    if size == 0:
        return
    lines = os.pread(held, size, 0).splitlines(keepends=True)
    kept = b"".join(line for line in lines if not line.startswith(LIBRARY_WORDS))
    with suppress(OSError):
        os.write(STDERR, kept)
