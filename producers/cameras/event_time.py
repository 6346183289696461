"""Event time of frames: exact positions in recordings, a clock that never goes back for live cameras."""

import math
from fractions import Fraction

from schemas.units import US_PER_MS, US_PER_S

_SNAP_US = 1_000
"""Containers keep time stamps in ms at the coarsest: so close to the nominal place, the nominal is meant."""
_MAX_GAP_US = 3_600 * US_PER_S
"""A longer jump between two frames of a recording is doubted until the next frame confirms it."""
_MAX_PAUSE_US = 31 * 24 * _MAX_GAP_US
"""Nobody pauses a recording for longer: beyond it a time stamp is wrong, however many confirm it."""
_MAX_STAMP_MS = 1e12
"""Thirty years: what is beyond is no time stamp."""
_MAX_FPS = 1_000


def frame_rate(fps: float, fallback_fps: float) -> Fraction:
    """A frame rate as the ratio it was meant to be (29.97002997 is 30000/1001).

    Args:
        fps: rate as a container states it, frames/s; may be 0, NaN or absurd.
        fallback_fps: the rate to take then.

    Returns:
        The ratio with a denominator of at most 1001 (the denominator of NTSC rates).
    """
    sane = math.isfinite(fps) and 1 / _MAX_FPS <= fps <= _MAX_FPS
    return Fraction(fps if sane else fallback_fps).limit_denominator(1001)


def nominal_us(index: int, rate: Fraction) -> int:
    """Position of a frame at a constant rate.

    Args:
        index: number of the frame, from 0.
        rate: frames/s.

    Returns:
        Microseconds from the first frame, rounded half up, in integers only.
    """
    return (2 * index * US_PER_S * rate.denominator + rate.numerator) // (2 * rate.numerator)


class PositionClock:
    """Positions of a recording's frames: nominal where the time stamps agree, the stamps where they differ.

    Positions strictly increase whatever the container claims.
    """

    def __init__(self, rate: Fraction) -> None:
        self._rate = rate
        self._index = 0
        self._first_ms: float | None = None
        self._last_us = -1
        self._doubted_us: int | None = None
        """A time stamp far ahead, not believed yet: one alone is wrong, two in a row are a pause."""

    def position_us(self, stamp_ms: float) -> int:
        """Position of the next frame.

        Args:
            stamp_ms: the container's time stamp of it, ms; may be wrong or NaN.

        Returns:
            Microseconds from the first frame.
        """
        nominal = nominal_us(self._index, self._rate)
        stamped = self._from_first_us(stamp_ms)
        trusted = stamped if stamped is not None and self._plausible(stamped, nominal) else nominal
        if trusted <= self._last_us:
            trusted = self._last_us + max(1, nominal_us(1, self._rate))
        self._index += 1
        self._last_us = trusted
        return trusted

    def _from_first_us(self, stamp_ms: float) -> int | None:
        if not abs(stamp_ms) < _MAX_STAMP_MS:  # also false for NaN
            return None
        if self._first_ms is None:
            self._first_ms = stamp_ms
        return round((stamp_ms - self._first_ms) * US_PER_MS)

    def _plausible(self, stamped: int, nominal: int) -> bool:
        if abs(stamped - nominal) <= _SNAP_US or stamped <= self._last_us:
            return False
        last, doubted = max(self._last_us, 0), self._doubted_us
        confirmed = doubted is not None and doubted < stamped <= doubted + _MAX_GAP_US
        believed = stamped <= last + _MAX_GAP_US or (confirmed and stamped <= last + _MAX_PAUSE_US)
        self._doubted_us = None if believed else stamped
        return believed


class LiveClock:
    """Event time of a live camera: the wall clock, except that it never goes back.

    After the wall clock was set back, time runs on at nine tenths of its speed until the wall clock has
    caught up, so that durations stay nearly right. `steps_back` counts how often that began.

    Args:
        last_us: the last stamp that an earlier process gave, us UTC. One that is more than an hour ahead of
            the wall clock is not believed: then that clock was wrong.
    """

    def __init__(self, last_us: int | None = None) -> None:
        self.steps_back = 0
        self._behind = False
        self._earlier_us = last_us
        self._last_us: int | None = None
        self._last_s = 0.0

    def stamp_us(self, wall_us: int, monotonic_s: float) -> int:
        """Event time of a frame grabbed now, us UTC, greater than all before."""
        if self._earlier_us is not None:
            believed = self._earlier_us - wall_us <= _MAX_GAP_US
            self._last_us, self._last_s = (self._earlier_us if believed else None), monotonic_s
            self._earlier_us = None
        stamp = wall_us
        behind = self._last_us is not None and wall_us <= self._last_us
        if self._last_us is not None and behind:
            elapsed_us = int((monotonic_s - self._last_s) * US_PER_S)
            stamp = self._last_us + max(1, elapsed_us * 9 // 10)
        self.steps_back += behind and not self._behind
        self._behind, self._last_us, self._last_s = behind, stamp, monotonic_s
        return stamp
