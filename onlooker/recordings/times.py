"""Instants, durations and paces as people write them on a command line."""

import re
from datetime import UTC, datetime

from schemas.bounds import LATEST_US
from schemas.errors import UsageError
from schemas.units import US_PER_S, us_of

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def instant_us(words: str) -> int:
    """An instant.

    Args:
        words: for example `2026-11-21T07:00` or `2026-11-21 07:00:12.5+01:00`; without a zone it is UTC.

    Returns:
        Microseconds UTC.

    Raises:
        UsageError: it is none.
    """
    try:
        found = datetime.fromisoformat(words)
    except ValueError as error:
        raise UsageError(f"{words!r} is no time: write it like 2026-11-21T07:00:00 (UTC).") from error
    return us_of(found if found.tzinfo else found.replace(tzinfo=UTC))


def duration_us(words: str) -> int:
    """A duration.

    Args:
        words: a number and a unit, for example `90s`, `10m`, `12h` or `7d`.

    Returns:
        Microseconds.

    Raises:
        UsageError: it is none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", words)
    if found is None:
        raise UsageError(f"{words!r} is no duration: write a number and s, m, h or d, like 10m or 7d.")
    return round(float(found[1]) * _UNITS_S[found[2]] * US_PER_S)


def speed_of(pace: str) -> float | None:
    """How fast a pace is.

    Args:
        pace: `real`, `fast`, or `x` and a number.

    Returns:
        Multiple of event time; None: as fast as may be.

    Raises:
        UsageError: it is none of these.
    """
    if pace == "fast":
        return None
    found = re.fullmatch(r"x(\d+(?:\.\d+)?)", "x1" if pace == "real" else pace)
    if found is None or float(found[1]) <= 0:
        raise UsageError(f"{pace!r} is no pace: say real, fast, or for example x10.")
    return float(found[1])


def time_words(at_us: int | None) -> str:
    """An instant, us UTC, for people: `2026-11-21 07:00:12.500`, `-` for None, a number for what is none."""
    if at_us is None:
        return "-"
    if not 0 <= at_us <= LATEST_US:
        return f"{at_us} us"
    return datetime.fromtimestamp(at_us / US_PER_S, UTC).isoformat(sep=" ", timespec="milliseconds")[:23]
