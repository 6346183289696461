"""What the operating system says of a file, as a sentence: which file, what is wrong, and the mend."""

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from schemas.errors import DependencyAwayError, LimitReachedError, OnlookerError, UsageError
from schemas.names import quoted


class _Cause(NamedTuple):
    kind: type[OnlookerError]
    words: str
    mend: str


_ELSEWHERE = "name another place"
_CAUSES: Mapping[int, _Cause] = {
    errno.ENOSPC: _Cause(LimitReachedError, "the disk is full", "free some space and run it again"),
    errno.EDQUOT: _Cause(
        LimitReachedError,
        "the disk is full for this user (quota)",
        "free some space or have the quota raised, and run it again",
    ),
    errno.EFBIG: _Cause(
        LimitReachedError,
        "it would be larger than this system allows",
        "raise the limit (`ulimit -f`), or name a place on another disk",
    ),
    errno.EMFILE: _Cause(
        LimitReachedError,
        "too many files are open",
        "raise the limit (`ulimit -n`), or use fewer cameras at once",
    ),
    errno.ENFILE: _Cause(
        LimitReachedError,
        "too many files are open on this machine",
        "end other programs, or raise fs.file-max",
    ),
    errno.EROFS: _Cause(UsageError, "the disk can only be read", _ELSEWHERE),
    errno.ENAMETOOLONG: _Cause(UsageError, "the name is too long", "name a shorter one"),
    errno.ELOOP: _Cause(UsageError, "its links lead in a circle", "name the file itself"),
    errno.EACCES: _Cause(
        UsageError, "Permission denied", "give this user the right to it, or name another one"
    ),
    errno.EPERM: _Cause(
        UsageError, "the system forbids it", "give this user the right to it, or name another one"
    ),
    errno.ENOENT: _Cause(UsageError, "No such file or directory", "check the name"),
    errno.ENOTDIR: _Cause(UsageError, "a part of its path is a file and no folder", "check the path"),
    errno.EISDIR: _Cause(UsageError, "it is a folder", "name a file"),
    errno.EEXIST: _Cause(UsageError, "something is there already", _ELSEWHERE),
    errno.EINVAL: _Cause(UsageError, "the disk does not allow it", "choose another name or another disk"),
    errno.EBUSY: _Cause(DependencyAwayError, "another program holds it", "end that one first"),
    errno.ETXTBSY: _Cause(DependencyAwayError, "another program runs it", "end that one first"),
    errno.EIO: _Cause(
        DependencyAwayError,
        "the disk reports an error of its own",
        "check the disk, it may be failing (`dmesg`)",
    ),
    errno.ESTALE: _Cause(
        DependencyAwayError, "the network drive has lost it", "mount the drive anew, and run it again"
    ),
    errno.ENODEV: _Cause(DependencyAwayError, "its device is gone", "connect it again"),
    errno.ENXIO: _Cause(DependencyAwayError, "its device is gone", "connect it again"),
}


def words_of(error: OSError, path: Path | None = None) -> str:
    """What is wrong with a file and the mend, inside a sentence; what is rare in the system's words.

    Args:
        error: what the system said.
        path: of the file; None: what the error names.
    """
    path = path or _path_of(error)
    if error.errno == errno.ENOENT and path is not None and path.is_symlink():
        return f"it is a link to {quoted(path.readlink())}, which is not there: mend the link"
    cause = _CAUSES.get(error.errno or 0)
    if cause is None:
        return error.strerror or str(error)
    return f"{cause.words}: {cause.mend}"


def trouble_of(error: OSError, path: Path | None = None, done: str = "used") -> OnlookerError | None:
    """The trouble with a file, to be raised.

    Args:
        error: what the system said.
        path: of the file that is meant, where the error names none, or one beside it.
        done: what was to be done with it: `read`, `written`.

    Returns:
        A sentence with the kind of its end; None of an error that is about no file, or nobody expects.
    """
    cause, named = _CAUSES.get(error.errno or 0), _path_of(error)
    if path is None or (named is not None and named.parent != path.parent):
        path = named  # drafts lie beside the file that is meant
    if cause is None or (path is None and not issubclass(cause.kind, LimitReachedError)):
        return None
    name = "A file" if path is None else quoted(path)
    return cause.kind(f"{name} cannot be {done}: {words_of(error, path)}.")


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the name of a file into what the system says of it inside the block: a write alone names none.

    Args:
        path: of the file that is meant, also where a draft lies beside it.

    Raises:
        OSError: the same, with the name.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


@contextmanager
def in_words(path: Path, done: str) -> Iterator[None]:
    """Turn what the system says of a file inside the block into a sentence.

    Args:
        path: of the file.
        done: what is done with it: `read`, `written`.

    Raises:
        UsageError: the name, the place or the rights are wrong.
        LimitReachedError: the disk is full, or too many files are open.
        DependencyAwayError: the disk fails, or is gone.
    """
    try:
        yield
    except OSError as error:
        trouble = trouble_of(error, path, done)
        if trouble is None:
            raise
        raise trouble from error


def require_readable(path: Path) -> None:
    """Read the first byte of a file, so that a library which hides the cause of a failure is not asked.

    A pipe or a device is opened only: nobody knows when it gives a byte.

    Raises:
        OSError: it cannot be read.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        if stat.S_ISREG(os.fstat(handle).st_mode) or stat.S_ISDIR(os.fstat(handle).st_mode):
            os.read(handle, 1)
    finally:
        os.close(handle)


def require_folder(folder: Path) -> None:
    """Complain where a folder neither is nor can be made.

    Args:
        folder: to be written to; it need not be there, and is not made.

    Raises:
        OSError: it is a file, lies in one, or may not be written by this user.
    """
    there = folder
    while not _is_there(there) and there != there.parent:
        there = there.parent
    if not there.is_dir():
        number = errno.ENOENT if there.is_symlink() else errno.ENOTDIR
        raise OSError(number, os.strerror(number), str(there))
    if not os.access(there, os.W_OK | os.X_OK):
        number = errno.EROFS if os.statvfs(there).f_flag & os.ST_RDONLY else errno.EACCES
        raise OSError(number, os.strerror(number), str(there))


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def _path_of(error: OSError) -> Path | None:
    name = error.filename
    return Path(os.fsdecode(name)) if isinstance(name, str | bytes) and name else None
