"""Standard streams as they come: closed, without UTF-8, with a reader or a terminal that goes away.

Whatever goes through them is shown and not obeyed: a name in it may hold the commands of a terminal.
"""

import codecs
import errno
import io
import os
import sys
import unicodedata
from typing import Any, TextIO

from schemas.names import visible

_STDERR = 2
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
    if (shown := visible(character)) != character:
        return shown
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


class _Shown(io.TextIOWrapper):
    """A stream that shows control characters instead of passing them on."""

    def write(self, text: str, /) -> int:
        """Write a text; how many characters of it were taken: all."""
        super().write(visible(text))
        return len(text)

    @property
    def unfiltered(self) -> "_Unfiltered":
        """The same stream for whoever commands the terminal, and looks after the names by itself."""
        return _Unfiltered(self)


class _Unfiltered:
    """A stream without the filter."""

    def __init__(self, stream: _Shown) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text as it is."""
        return io.TextIOWrapper.write(self._stream, text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def unfiltered(stream: TextIO) -> TextIO:
    """A standard stream as a library needs it that commands the terminal."""
    found: TextIO = getattr(stream, "unfiltered", stream)
    return found


def _fit(stream: TextIO | None, number: int) -> TextIO:
    """A standard stream that shows what it is given, in plainer characters where it must."""
    if stream is not None and type(stream) is not io.TextIOWrapper:
        return stream  # a test listens
    terminal = stream is None or stream.isatty()
    if stream is not None:
        stream.flush()
    raw = (_Terminal if terminal else io.FileIO)(number, "w", closefd=False)
    return _Shown(
        io.BufferedWriter(raw),
        getattr(stream, "encoding", None),
        errors="plainer",
        line_buffering=terminal or number == _STDERR,
    )


def drained_streams() -> None:
    """Write out what is left; a reader that has gone (`| head`) is no trouble of ours."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except OSError as error:
            # What is left would be tried again when the process ends, with words of Python's own.
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, number)
            os.close(null)
            stream.flush()
            if error.errno not in (errno.EPIPE, errno.EIO):
                raise
