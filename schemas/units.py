"""Units of time: integer microseconds UTC inside, seconds at the edges."""

from datetime import UTC, datetime, timedelta

US_PER_S = 1_000_000
US_PER_MS = 1_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def us_of(instant: datetime) -> int:
    """An instant with a time zone as microseconds UTC, exactly."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def iso_of(t_us: int) -> str:
    """An instant as a person reads it: ISO 8601 in UTC, to the second; as a number beyond the calendar."""
    try:
        return (EPOCH + timedelta(microseconds=t_us)).isoformat(timespec="seconds")
    except OverflowError:
        return f"{t_us} us"


def us_from_s(seconds: float) -> int:
    """A duration or an instant in seconds as whole microseconds, rounded half to even."""
    return round(seconds * US_PER_S)
