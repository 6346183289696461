"""Stopping: the first SIGINT or SIGTERM asks a service to end cleanly, a second one ends the process."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stopped_by_signals(stop: threading.Event) -> Iterator[threading.Event]:
    """Set an event when a signal asks this process to end.

    Args:
        stop: set by the first signal.

    Yields:
        An event that tells a signal from a service that stopped by itself.
    """
    interrupted = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def on_signal(number: int, frame: FrameType | None) -> None:
        del frame
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
