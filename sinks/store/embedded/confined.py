"""Keeps the embedded server to its own files: whatever is asked, it opens no other and connects to nobody."""

import ctypes
import os
import sysconfig
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_PATH_BENEATH = 1
_NO_NEW_PRIVS = 38
_LEAST_ABI = 2
"""Before it no file could be renamed from one folder into another, which ClickHouse does."""
_READ = 1 << 0 | 1 << 2 | 1 << 3
"""Execute (libraries are), read files and folders."""
_READ_FILE = 1 << 0 | 1 << 2
_ALL = {2: (1 << 14) - 1, 3: (1 << 15) - 1}
"""Every right on files that an ABI knows; those of later ones add nothing that opens a file."""
_SYSTEM = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/proc", "/sys", "/dev/urandom")
_NETWORK_ABI = 4
_CONNECT_TCP = 1 << 1


class _Ruleset(ctypes.Structure):
    _fields_ = (("handled_access_fs", ctypes.c_uint64), ("handled_access_net", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def confine(own: Iterable[str]) -> bool:
    """Give up the right to open other files and to connect, for ever, also for all that this process starts.

    Call it while the process has one thread: others would keep their rights.

    Args:
        own: folders in which anything may be done; of all others only the libraries' may be read.

    Returns:
        Whether it was done: False where the kernel has no Landlock of Linux 5.19 or newer. Connections are
        forbidden from Linux 6.7 on.

    Raises:
        OSError: the kernel has it and refuses.

    Source: Linux, Documentation/userspace-api/landlock.rst.
    """
    libc, abi = ctypes.CDLL(None, use_errno=True), landlock_abi()
    if abi < _LEAST_ABI:
        return False
    every = _ALL[min(abi, max(_ALL))]
    ruleset = _Ruleset(every, _CONNECT_TCP)
    size = ctypes.sizeof(_Ruleset) if abi >= _NETWORK_ABI else _Ruleset.handled_access_net.offset
    rules = _done(libc.syscall(_CREATE_RULESET, ctypes.byref(ruleset), ctypes.c_size_t(size), 0))
    for path in own:
        _allow(libc, rules, path, every)
    for path in (*_SYSTEM, *_libraries()):
        _allow(libc, rules, path, _READ)
    _done(libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0))
    _done(libc.syscall(_RESTRICT_SELF, rules, 0))
    os.close(rules)
    return True


def landlock_abi() -> int:
    """Which Landlock the kernel has: 2 since Linux 5.19, 4 since 6.7; -1 where it has none."""
    abi: int = ctypes.CDLL(None).syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG)
    return abi


def _libraries() -> set[str]:
    """Where Python's own modules and those of ClickHouse lie; not where a program under development does."""
    found = {sysconfig.get_path(name) for name in ("platstdlib", "purelib", "platlib")}
    found.add(str(Path(sysconfig.get_path("stdlib")).parent))
    spec = find_spec("chdb")
    places = [] if spec is None else spec.submodule_search_locations or []
    return found | {str(Path(place).parent) for place in places}


def _allow(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    rule = _PathBeneath(rights if Path(path).is_dir() else rights & _READ_FILE, handle)
    _done(libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, ctypes.byref(rule), 0))
    os.close(handle)


def _done(answer: int) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer
