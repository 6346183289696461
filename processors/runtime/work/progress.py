"""Progress: tells a worker that waits for events from one that has stopped taking them."""

import threading
from collections.abc import Callable


class Progress:
    """What a worker's loop last told about itself; read by a watchdog in a thread of its own.

    Args:
        stall_s: events may wait for so long without one being handled.
        clock_s: seconds that only grow.
    """

    def __init__(self, stall_s: float, clock_s: Callable[[], float]) -> None:
        self._stall_s = stall_s
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._mark: object = None
        self._moved_s = self._turned_s = clock_s()
        self._waiting = 0

    def moved(self, mark: object) -> None:
        """The loop has got this far; a mark that differs from the one before is progress."""
        with self._lock:
            self._turned_s = self._clock_s()
            if mark != self._mark:
                self._mark, self._moved_s = mark, self._turned_s

    def waiting(self, events: int) -> None:
        """So many events wait on the broker; 0 also while nobody can know."""
        with self._lock:
            if events == 0:
                self._moved_s = self._clock_s()
            self._waiting = events

    def complaint(self) -> str | None:
        """Why this process should be started anew; None while all is well."""
        with self._lock:
            now_s = self._clock_s()
            if now_s - self._turned_s > self._stall_s:
                return f"The worker's loop has not turned for {now_s - self._turned_s:.0f} s."
            if self._waiting and now_s - self._moved_s > self._stall_s:
                return (
                    f"{self._waiting} events wait, but none has been handled for "
                    f"{now_s - self._moved_s:.0f} s."
                )
            return None
