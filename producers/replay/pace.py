"""The pace of a replay: at the speed of event time or a multiple of it, with pauses; or as fast as may be."""

import threading
from collections.abc import Callable

from schemas.units import US_PER_S

_POLL_S = 0.1
SET_BACK_US = 10 * US_PER_S
"""A stand whose time is earlier by more had its clock set back: from there its pace begins anew."""


class Pauses:
    """A clock that stands still while the replay is paused; may be paused from a signal or another thread."""

    def __init__(self, stop: threading.Event, *, monotonic_s: Callable[[], float]) -> None:
        self._stop = stop
        self._monotonic_s = monotonic_s
        self._since_s: float | None = None
        self._lost_s = 0.0

    @property
    def is_paused(self) -> bool:
        """Whether nothing goes on now."""
        return self._since_s is not None

    @property
    def is_running(self) -> bool:
        """Whether it is neither paused nor stopped."""
        return self._since_s is None and not self._stop.is_set()

    def pause(self) -> None:
        """Stand still."""
        if self._since_s is None:
            self._since_s = self._monotonic_s()

    def resume(self) -> None:
        """Go on."""
        since_s, self._since_s = self._since_s, None
        if since_s is not None:
            self._lost_s += self._monotonic_s() - since_s

    def toggle(self) -> None:
        """The other one of the two."""
        (self.resume if self.is_paused else self.pause)()

    def now_s(self) -> float:
        """Seconds without the pauses."""
        since_s = self._since_s
        return (self._monotonic_s() if since_s is None else since_s) - self._lost_s

    def wait_until(self, at_s: float) -> bool:
        """Wait until an instant of this clock has come, and through a pause; False: it was stopped."""
        while not self._stop.is_set():
            left_s = at_s - self.now_s()
            if left_s <= 0 and not self.is_paused:
                return True
            self._stop.wait(min(_POLL_S, left_s) if left_s > 0 else _POLL_S)
        return False


class ReplayPacer:
    """Holds each message back until its event time has come; stands need not share a time.

    Args:
        speed: 1 for real time, 10 for ten times as fast; None: as fast as may be.
        pauses: the clock.
    """

    def __init__(self, speed: float | None, pauses: Pauses) -> None:
        self._speed = speed
        self._pauses = pauses
        self._began: dict[str, tuple[float, int]] = {}
        self._newest_us: dict[str, int] = {}

    @property
    def is_timed(self) -> bool:
        """Whether event times matter."""
        return self._speed is not None

    def begin_again(self) -> None:
        """The next message of each stand is due at once."""
        self._began.clear()

    def wait(self, stand_id: str, t_us: int | None) -> bool:
        """Wait until a message is due, at once without event time; False: the replay was stopped."""
        if self._speed is None or t_us is None:
            return self._pauses.is_running or self._pauses.wait_until(0.0)
        if t_us < self._newest_us.get(stand_id, t_us) - SET_BACK_US:
            self._began.pop(stand_id, None)
        self._newest_us[stand_id] = t_us
        began_s, began_us = self._began.setdefault(stand_id, (self._pauses.now_s(), t_us))
        return self._pauses.wait_until(began_s + (t_us - began_us) / US_PER_S / self._speed)
