"""Names of sources: what the user typed becomes a spec, and what is shown never holds a password."""

import os
import re
import stat
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from producers.cameras.media import PICTURE_SUFFIXES, is_picture, is_shown
from schemas.errors import UsageError
from schemas.files import require_readable, words_of
from schemas.names import quoted

SourceKind = Literal["file", "folder", "usb", "url"]

URL_SCHEMES = frozenset({"rtsp", "rtsps", "http", "https"})
ALLOWED = (
    "a source is a video file, a folder of pictures, a USB camera (0, usb:0 or /dev/video0) "
    "or a URL (rtsp, rtsps, http, https)"
)

_USB = re.compile(r"(?:usb:|/dev/video)?(\d{1,3})\Z")
_CREDENTIALS = re.compile(r"(://).*@", re.DOTALL)
_SECRET = re.compile(
    r"((?:user|login|pass|pwd|token|key|auth|secret|sig)[a-z0-9]*=)[^&_/?#\s]*", re.IGNORECASE
)
_DIGITS = re.compile(r"(\d+)")


class SourceSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A source that may be opened; prints without credentials."""

    kind: SourceKind
    target: str
    """Absolute path, USB index or full URL (with its credentials: never print it)."""

    @property
    def is_recording(self) -> bool:
        """True for a source that ends and carries its own time; False for a live camera."""
        return self.kind in ("file", "folder")

    @property
    def shown(self) -> str:
        """The source's name for people, logs and tables, without credentials."""
        return f"usb:{self.target}" if self.kind == "usb" else redacted(self.target)

    def __repr__(self) -> str:
        return f"SourceSpec({self.kind} {self.shown})"


def parse_source(text: str) -> SourceSpec:
    """The source a text names: a file that is there is a file, whatever its name looks like.

    Args:
        text: path of a video file, a picture or a folder; `0`, `usb:0`, `/dev/video0`; or a URL.

    Returns:
        The spec; a single picture counts as a folder of one.

    Raises:
        UsageError: there is no such source, or this user may not read it; names it and what is allowed.
    """
    checked_source(text)
    usb = _USB.match(text)
    if usb and not _is_file(text):
        return SourceSpec(kind="usb", target=str(int(usb[1])))
    if _is_url(text):
        return SourceSpec(kind="url", target=text)
    return _path_source(text)


def checked_source(text: str) -> str:
    """A text that can name a source, whether or not that is there; nothing is asked but the disk.

    Raises:
        UsageError: it is neither a URL of a known kind nor a name that a disk can have.
    """
    if "\0" in text or (_is_url(text) and not _is_usable(text)):
        what = "is no usable URL" if "://" in text else "is no name of a file"
        raise UsageError(f"The source {_named(text)} {what}: {ALLOWED}.")
    return text


def picture_paths(path: Path) -> list[Path]:
    """The pictures of a folder, in natural order (`2.jpg` before `10.jpg`).

    Args:
        path: a folder, or one picture.

    Returns:
        Paths of the visible files that are pictures by their suffix; subfolders are not entered.
    """
    if not path.is_dir():
        return [path]
    pictures = (each for each in path.iterdir() if is_picture(each) and each.is_file())
    return sorted((each for each in pictures if is_shown(each, path)), key=_natural)


def redacted(text: str) -> str:
    """The text without user names, passwords and tokens of URLs in it.

    Args:
        text: one URL or path; all between `://` and the last `@` goes, rather too much than too little.
    """
    return _SECRET.sub(r"\1***", _CREDENTIALS.sub(r"\1***@", text))


def _natural(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    parts = _DIGITS.split(path.name.lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part], path.name


def _is_url(text: str) -> bool:
    return "://" in text and not os.path.exists(text)  # noqa: PTH110 - never raises


def _is_usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme.lower() in URL_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_file(text: str) -> bool:
    """Whether a text that looks like a USB camera is the name of a file; the camera's own device is none."""
    return os.path.isfile(text) or os.path.isdir(text)  # noqa: PTH112, PTH113 - never raise


def _path_source(text: str) -> SourceSpec:
    path = Path(text)
    if text.startswith("~") and not os.path.lexists(text):
        path = Path(os.path.expanduser(text))  # noqa: PTH111 - leaves alone the home of nobody
    try:
        kind = _path_kind(path) if text else None
    except FileNotFoundError as error:
        # A link that leads nowhere is there, and told so.
        if path.is_symlink():
            raise _unreadable(text, path, error) from error
        kind = None
    except OSError as error:
        raise _unreadable(text, path, error) from error
    if kind is None:
        raise UsageError(f"There is no source {_named(text)}: {ALLOWED}.")
    return SourceSpec(kind=kind, target=str(path.resolve()))


def _unreadable(text: str, path: Path, error: OSError) -> UsageError:
    return UsageError(f"The source {_named(text)} cannot be read: {words_of(error, path)}; {ALLOWED}.")


def _named(text: str) -> str:
    return quoted(redacted(text))


def _path_kind(path: Path) -> SourceKind | None:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        if not picture_paths(path):
            suffixes = " ".join(sorted(PICTURE_SUFFIXES))
            raise UsageError(f"The folder {quoted(path)} holds no picture ({suffixes}): name one that does.")
        return "folder"
    if not stat.S_ISREG(mode):
        return None
    require_readable(path)
    return "folder" if is_picture(path) else "file"
