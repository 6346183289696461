"""Standard streams as they come: closed, without UTF-8, with a reader or a terminal that goes away."""

import codecs
import errno
import io
import os
import sys
import unicodedata
from typing import Any, TextIO

_PLAINER = {
    **dict.fromkeys("–—−─", "-"),  # noqa: RUF001
    **dict.fromkeys("█▉▊▋", "#"),
    **dict.fromkeys("▌▍▎▏", "|"),
    **dict(zip("▁▂▃▄▅▆▇", "__..-=#", strict=True)),
    "│": "|", "…": "...", "·": "-", "×": "x", "≥": ">=", "≤": "<=", "→": "->",  # noqa: RUF001
}  # fmt: skip


def plainer(error: UnicodeError) -> tuple[str, int]:
    """Characters that a stream cannot carry, said with those that every stream has.

    Args:
        error: what the encoder could not do.

    Returns:
        ASCII in their place, and where to go on; an accent goes before its letter does.

    Raises:
        UnicodeError: the error itself, when it is none of encoding.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plainer, error.object[error.start : error.end])), error.end


def _plainer(character: str) -> str:
    if character in _PLAINER:
        return _PLAINER[character]
    bare = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return bare or character.encode("ascii", "backslashreplace").decode()


def opened_streams() -> None:
    """Make the standard streams fit to be written to.

    A closed one leads nowhere, so that no file takes its number. Where a terminal lacks a character a plainer
    one is written: a report must not die of a dash.
    """
    codecs.register_error("plainer", plainer)
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    sys.stdout = _fit(sys.stdout, 1)
    sys.stderr = _fit(sys.stderr, 2)


class _Terminal(io.FileIO):
    """A terminal that may go away: what is said then is lost, and the work in hand goes on to its end."""

    def write(self, data: Any, /) -> int:
        """Write, or let it go where nobody is."""
        try:
            return super().write(data)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return len(memoryview(data).cast("B"))


def _fit(stream: TextIO | None, number: int) -> TextIO:
    """A standard stream that writes plainer characters where it must, and outlives its terminal."""
    if stream is None or stream.isatty():
        encoding = getattr(stream, "encoding", None)
        raw = io.BufferedWriter(_Terminal(number, "w", closefd=False))
        return io.TextIOWrapper(raw, encoding, errors="plainer", line_buffering=True)
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="plainer")
    return stream


def drained_streams() -> None:
    """Write out what is left; a reader that has gone (`| head`) is no trouble of ours."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EIO):
                raise
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, number)
            os.close(null)
