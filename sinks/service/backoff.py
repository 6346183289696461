"""Waiting for a server that is away: longer each time, never all at the same moment."""

from collections.abc import Callable


class Backoff:
    """Says when to try again.

    Args:
        first_s: wait before the second attempt, s; doubled after every further one.
        longest_s: the wait grows no longer than this, s.
        jitter: a number in [0, 1], drawn anew for each wait; always 1: the whole wait.
    """

    def __init__(self, first_s: float, longest_s: float, jitter: Callable[[], float]) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._jitter = jitter
        self._failures = 0
        self._until_s: float | None = None

    def failed(self, now_s: float) -> None:
        """An attempt has failed; `now_s` of a clock that only grows."""
        wait_s = min(self._longest_s, self._first_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        self._until_s = now_s + wait_s * (0.5 + self._jitter() / 2)

    def succeeded(self) -> None:
        """An attempt has succeeded: the next wait is short again."""
        self._failures, self._until_s = 0, None

    def wait_s(self, now_s: float) -> float:
        """How long to wait still, s; 0 when it is time to try. `now_s` of the same clock as for `failed`."""
        return 0.0 if self._until_s is None else max(0.0, self._until_s - now_s)

    @property
    def waiting(self) -> bool:
        """Whether the last attempt failed."""
        return self._until_s is not None
