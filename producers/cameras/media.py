"""Which files are pictures and videos, for every verb, and the bytes of a picture up to a bound."""

import os
from collections.abc import Iterator
from pathlib import Path

from schemas.errors import BadPictureError
from schemas.files import words_of

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif"})
_OF_PHONES = (".mp4", ".m4v", ".mov", ".3gp", ".3g2", ".avi", ".mkv", ".webm", ".ogv", ".wmv", ".asf", ".flv")
_OF_BROADCASTERS = (".mpg", ".mpeg", ".m2v", ".mpv", ".vob", ".ts", ".m2t", ".mts", ".m2ts", ".mxf", ".dv")
_OF_RECORDERS = (".h264", ".264", ".h265", ".265", ".hevc", ".mjpg", ".mjpeg", ".dav", ".divx", ".f4v")
VIDEO_SUFFIXES = frozenset((*_OF_PHONES, *_OF_BROADCASTERS, *_OF_RECORDERS))
FOREIGN_SUFFIXES = frozenset({".heic", ".heif"})
"""Pictures that nothing here reads: they are named, not passed over."""
_BINS = frozenset({"$recycle.bin", "__macosx", "@eadir", "#recycle", "lost+found"})
"""Folders in which systems and network drives keep what was thrown away or belongs to them."""


def is_picture(path: Path) -> bool:
    """Whether a file is taken for a picture (told by its suffix)."""
    return path.suffix.lower() in PICTURE_SUFFIXES


def is_video(path: Path) -> bool:
    """Whether a file is taken for a video (told by its suffix)."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def is_foreign(path: Path) -> bool:
    """Whether a file is a picture that has to be converted first (told by its suffix)."""
    return path.suffix.lower() in FOREIGN_SUFFIXES


def is_shown(path: Path, folder: Path) -> bool:
    """Whether a person who opens a folder means a file in it.

    Args:
        path: the file, somewhere below the folder.
        folder: where the search began.

    Returns:
        False for hidden files and folders (`.thumbnails`, the `._1.jpg` of a Mac) and for bins.
    """
    return not any(part.startswith(".") or part.lower() in _BINS for part in path.relative_to(folder).parts)


def shown_files(folder: Path) -> Iterator[Path]:
    """The files below a folder that a person means, in no order; links to nowhere are among them.

    Raises:
        OSError: the folder, or one below it, cannot be read: it is said and not passed over.
    """
    for each, folders, names in os.walk(folder, onerror=_raised):
        folders[:] = [name for name in folders if is_shown(Path(each, name), folder)]
        for path in (Path(each, name) for name in names):
            # Pipes and devices are no files; a link that leads nowhere cannot be read, and is told so.
            if is_shown(path, folder) and (os.path.isfile(path) or path.is_symlink()):  # noqa: PTH113
                yield path


def _raised(error: OSError) -> None:
    raise error


def picture_bytes(path: Path, max_bytes: int) -> bytes:
    """The bytes of a picture file.

    Args:
        path: the file.
        max_bytes: of a larger one nothing is read.

    Returns:
        Its content.

    Raises:
        BadPictureError: it is too large, no picture that can be read here, or cannot be read.
    """
    if is_foreign(path):
        raise BadPictureError(
            "unsupported", f"{path.name} is HEIC, which is not read here: `heif-convert` makes a JPEG of it."
        )
    try:
        if path.exists() and not path.is_file():
            raise BadPictureError("unreadable", f"{path.name} is no file.")
        if path.stat().st_size > max_bytes:
            raise BadPictureError(
                "too_large", f"{path.name} has more than {max_bytes} bytes (`capture.max_picture_bytes`)."
            )
        return path.read_bytes()
    except OSError as error:
        raise BadPictureError(
            "unreadable", f"{path.name} cannot be read: {words_of(error, path)}."
        ) from error
