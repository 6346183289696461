"""Event time of frames: exact positions in recordings, the wall clock and its jumps for live cameras."""

import logging
import math
import threading
from collections import Counter
from fractions import Fraction
from typing import Literal, get_args

import msgspec

from schemas.clocks import Clocks
from schemas.units import US_PER_MS, US_PER_S, iso_of

log = logging.getLogger(__name__)
Direction = Literal["ahead", "back"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
JUMP_US = US_PER_S
"""A wall clock that is set by more has jumped. A leap second and the steps that NTP takes by itself are no
longer, and MEASURE puts what is 2 s late in its place."""
_TOGETHER_S = 0.01
_LOOKS = 100

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


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """The clocks of this machine at one instant."""

    wall_us: int
    boot_us: int
    """Since the machine was started, asleep or awake: nobody sets this clock."""
    setting: int
    """How often the wall clock had been set since this process began to look."""


class WallClock:
    """The wall clock, watched by the clock since boot: it tells when it was set, and by how much.

    Both go at the same pace, also while NTP slows or hastens them and while the machine sleeps: only setting
    the wall clock moves them apart. One for all cameras of a process, from any thread.
    """

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._lock = threading.Lock()
        self._offset_us: int | None = None
        self._setting = 0

    def read(self) -> Reading:
        """Read the clocks; a wall clock that was set is told in the log."""
        with self._lock:
            wall_us, boot_us = self._together()
            before_us, self._offset_us = self._offset_us, wall_us - boot_us
            moved_us = 0 if before_us is None else self._offset_us - before_us
            if abs(moved_us) > JUMP_US:
                self._setting += 1
                _tell(wall_us - moved_us, wall_us)
            return Reading(wall_us=wall_us, boot_us=boot_us, setting=self._setting)

    def _together(self) -> tuple[int, int]:
        """Both clocks at one instant: a process that is held up between two looks has not seen a jump."""
        for _ in range(_LOOKS):
            before_s = self._clocks.boot_s()
            wall_us = self._clocks.now_us()
            after_s = self._clocks.boot_s()
            if after_s - before_s < _TOGETHER_S:
                break
        return wall_us, round(after_s * US_PER_S)


def _tell(was_us: int, is_us: int) -> None:
    moved_s = (is_us - was_us) / US_PER_S
    log.warning(
        "the clock of this machine was set %s by %.1f s, from %s to %s: event time follows it",
        "ahead" if moved_s > 0 else "back",
        abs(moved_s),
        iso_of(was_us),
        iso_of(is_us),
    )


class LiveClock:
    """Event time of a live camera: the wall clock; it goes back only where that was set back.

    Where the wall clock is set back by at most `JUMP_US`, time runs on at nine tenths of its speed until it
    has caught up. What is more is a jump, also when small steps add up: it is followed at once, and counted.

    Args:
        last_us: the last stamp that an earlier process gave, us UTC.
    """

    def __init__(self, last_us: int | None = None) -> None:
        self.jumps: Counter[Direction] = Counter()
        self._last_us = last_us
        self._boot_us: int | None = None
        self._setting: int | None = None

    def stamp_us(self, reading: Reading) -> int:
        """Event time of a frame grabbed now, us UTC."""
        stamp_us, last_us = reading.wall_us, self._last_us
        if last_us is not None:
            elapsed_us = 0 if self._boot_us is None else reading.boot_us - self._boot_us
            error_us = stamp_us - (last_us + elapsed_us)
            most_us = JUMP_US if reading.setting != self._setting else 2 * JUMP_US
            if error_us < -most_us:
                self.jumps["back"] += 1
            elif error_us > most_us and self._boot_us is not None:
                self.jumps["ahead"] += 1
            elif stamp_us <= last_us:
                stamp_us = last_us + max(1, elapsed_us * 9 // 10)
        self._last_us, self._boot_us, self._setting = stamp_us, reading.boot_us, reading.setting
        return stamp_us
