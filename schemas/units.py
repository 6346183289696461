"""Units of time: integer microseconds UTC inside, seconds at the edges."""

US_PER_S = 1_000_000
US_PER_MS = 1_000


def us_from_s(seconds: float) -> int:
    """Microseconds of a duration in seconds.

    Args:
        seconds: duration or instant, s.

    Returns:
        The same in whole microseconds, rounded half to even.
    """
    return round(seconds * US_PER_S)
