"""Runs roles of `work` as processes of their own: one that dies takes the others along, cleanly."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import BinaryIO

LOOK_S = 0.1
"""How often the processes are looked at."""
LEASHED = "--leashed"
"""Tells a role to end when its standard input does: when this process is gone, however it went."""


def run_roles(commands: Sequence[Sequence[str]], stop: threading.Event, *, stop_s: float) -> int:
    """Run roles until they shall stop or one of them ends by itself.

    Args:
        commands: the arguments of `onlooker` for each role, without the leash.
        stop: ends them cleanly.
        stop_s: how long they may take to end before they are killed.

    Returns:
        The exit code: 0, or that of the role which ended by itself.
    """
    roles = [
        subprocess.Popen(
            [sys.executable, "-m", "onlooker", *arguments, LEASHED],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        for arguments in commands
    ]
    try:
        while not stop.is_set() and all(role.poll() is None for role in roles):
            time.sleep(LOOK_S)
        ended = [role.returncode for role in roles if role.returncode is not None]
    finally:
        _end(roles, stop_s)
    codes = ended or [role.returncode for role in roles]
    # A role that was killed by a signal did not end well.
    return max((code if code >= 0 else 128 - code for code in codes), default=0)


def _end(roles: Sequence[subprocess.Popen[bytes]], stop_s: float) -> None:
    until_s = time.monotonic() + stop_s
    for role in roles:
        role.terminate()
    for role in roles:
        try:
            role.wait(max(0.0, until_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            role.kill()
            role.wait()
        if role.stdin is not None:
            with contextlib.suppress(OSError):
                role.stdin.close()


def leash(stop: threading.Event, stdin: BinaryIO) -> None:
    """Stop when standard input ends, which whoever started this process holds open."""

    def hold() -> None:
        while stdin.read(1):
            pass
        stop.set()

    threading.Thread(target=hold, name="leash", daemon=True).start()
