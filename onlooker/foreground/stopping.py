"""Stopping: the first SIGINT, SIGTERM or SIGHUP asks for a clean end, a second one ends the process."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


def on_main_thread() -> bool:
    """Whether this is the thread that signals are handled on."""
    return threading.current_thread() is threading.main_thread()


@contextmanager
def handled(on_signal: Callable[[int, FrameType | None], None], *numbers: signal.Signals) -> Iterator[None]:
    """Handle signals while the block runs; on another thread than the main one all stays as it is."""
    before = {number: signal.signal(number, on_signal) for number in numbers} if on_main_thread() else {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def stopped_by_signals(stop: threading.Event) -> Iterator[threading.Event]:
    """Set an event when a signal asks this process to end.

    Args:
        stop: set by the first signal.

    Yields:
        An event that tells a signal from a service that stopped by itself.
    """
    interrupted = threading.Event()
    # `nohup` means it: a process that does not hear of lost terminals goes on.
    lost = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)

    def on_signal(number: int, frame: FrameType | None) -> None:
        del frame
        interrupted.set()
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    with handled(on_signal, signal.SIGINT, signal.SIGTERM, *lost):
        yield interrupted
