"""Refuses times of recordings that nobody would believe: every service sets such frames aside."""

from datetime import datetime

from schemas.belief import MAX_AHEAD_S
from schemas.errors import UsageError
from schemas.units import US_PER_S, us_of


def require_believable(where: str, start_at: datetime, now_us: int, *, length_us: int = 0) -> None:
    """Complain when a recording begins before 1970, or has frames too far ahead of the clock.

    Args:
        where: whose recording it is, in words.
        start_at: event time of its first frame.
        now_us: wall clock, us UTC.
        length_us: how long it lasts by its own account, us; 0: unknown, or played at the pace of the clock.

    Raises:
        UsageError: it is so; names the setting.
    """
    start_us = us_of(start_at)
    words = f"{where}: start_at is {start_at.isoformat()}"
    if start_us < 0:
        raise UsageError(f"{words}: no time before 1970-01-01 is known here. Say when it was recorded.")
    ahead_s = (start_us + length_us - now_us) / US_PER_S
    if ahead_s > MAX_AHEAD_S:
        ends = f", and it lasts {length_us / US_PER_S:.0f} s: it ends" if length_us else ":"
        raise UsageError(
            f"{words}{ends} {ahead_s:.0f} s ahead of the clock here. Whoever reads sets aside what is more "
            f"than {MAX_AHEAD_S:g} s ahead. Say when it was recorded, or set this machine's clock."
        )
