"""Stopping: the first SIGINT, SIGTERM or SIGHUP asks for a clean end, a second one ends the process."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from onlooker.foreground.streams import nowhere


@contextmanager
def stopped_by_signals(stop: threading.Event) -> Iterator[threading.Event]:
    """Set an event when a signal asks this process to end.

    Args:
        stop: set by the first signal.

    Yields:
        An event that tells a signal from a service that stopped by itself.
    """
    interrupted = threading.Event()
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in signals}
    if before[signal.SIGHUP] is signal.SIG_IGN:
        del before[signal.SIGHUP]  # `nohup` means it
    terminals = [number for number in (1, 2) if os.isatty(number)]

    def on_signal(number: int, frame: FrameType | None) -> None:
        del frame
        if number == signal.SIGHUP:
            # The terminal has gone: words that led there must not hinder the end.
            for terminal in terminals:
                nowhere(terminal)
        interrupted.set()
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    for number in before:
        signal.signal(number, on_signal)
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
