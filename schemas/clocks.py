"""Clocks and chance, handed over: whoever needs them is given them, so that tests need not wait."""

import random
import time
from collections.abc import Callable

import msgspec


class Clocks(msgspec.Struct, frozen=True, kw_only=True):
    """The clocks of a service; by default those of this machine."""

    now_us: Callable[[], int] = lambda: time.time_ns() // 1000
    """Wall clock, us UTC."""
    monotonic_s: Callable[[], float] = time.monotonic
    """Seconds that only grow."""
    sleep: Callable[[float], None] = time.sleep
    """Waits, s."""
    boot_s: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME)
    """Seconds that only grow, also while the machine sleeps."""
    jitter: Callable[[], float] = random.random
    """A random number in [0, 1)."""
