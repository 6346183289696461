"""Pausing a replay: by SIGUSR1 and SIGUSR2, or by the keys p and space on a terminal."""

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType

from onlooker.foreground.stopping import handled, on_main_thread
from producers.replay.pace import Pauses

KEYS = b"p "
_POLL_S = 0.2


@contextmanager
def controlled(pauses: Pauses) -> Iterator[None]:
    """Let signals and keys pause a replay while it runs.

    Args:
        pauses: what stands still; SIGUSR1 pauses, SIGUSR2 resumes, `p` and space do the other one of the two.
    """

    def on_signal(number: int, frame: FrameType | None) -> None:
        del frame
        (pauses.pause if number == signal.SIGUSR1 else pauses.resume)()

    on_terminal = on_main_thread() and sys.stdin.isatty() and sys.stderr.isatty()
    with (
        handled(on_signal, signal.SIGUSR1, signal.SIGUSR2),
        _keys(pauses) if on_terminal else nullcontext(),
    ):
        yield


@contextmanager
def _keys(pauses: Pauses) -> Iterator[None]:
    """Single keys, without a line feed; the terminal is left as it was."""
    import termios
    import tty

    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    over = threading.Event()
    listener = threading.Thread(target=_listen, args=(keyboard, pauses, over), daemon=True)
    tty.setcbreak(keyboard)
    listener.start()
    try:
        yield
    finally:
        over.set()
        listener.join(2 * _POLL_S)
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def _listen(keyboard: int, pauses: Pauses, over: threading.Event) -> None:
    while not over.is_set():
        ready, _, _ = select.select([keyboard], [], [], _POLL_S)
        pressed = os.read(keyboard, 1) if ready else b""
        if ready and not pressed:
            return
        if pressed and pressed in KEYS:
            pauses.toggle()
            print("paused" if pauses.is_paused else "goes on", file=sys.stderr)  # noqa: T201 - for a person
