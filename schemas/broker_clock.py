"""What brokers say when they refuse a message for its time: by how much clocks differ."""

import re
from collections.abc import Sequence

from schemas.errors import ClockRefusedError

_NAMES = ("InvalidTimestamp", "invalid timestamp")
_RANGE = re.compile(r"Timestamp (-?\d+) of message .*should be within \[(-?\d+), (-?\d+)\]")
_UNLIMITED_MS = 2**63 - 1
"""How far behind brokers take messages unless told otherwise: the range begins at now minus this."""


def clock_refusal(signs: Sequence[str], where: str) -> ClockRefusedError | None:
    """The trouble when it is one of clocks.

    Args:
        signs: names and words of the error, Kafka's own among them.
        where: the brokers.

    Returns:
        None when it is another one.
    """
    found = next(filter(None, map(_RANGE.search, signs)), None)
    if found is None and not any(name in sign for name in _NAMES for sign in signs):
        return None
    words = "differs from the brokers' by more than they allow" if found is None else _difference(found)
    return ClockRefusedError(
        f"Kafka at {where} refuses what this machine sends, because its clock {words}: set the one that is "
        "wrong (`timedatectl set-ntp true` has a machine keep the right time).",
        judged=found is not None,
    )


def _difference(found: re.Match[str]) -> str:
    stamp_ms, first_ms, last_ms = map(int, found.groups())
    if first_ms < 0:
        return f"is {_amount(stamp_ms - (first_ms + _UNLIMITED_MS))} the brokers'"
    # So far is allowed, and by how much more it differs nobody says.
    return f"is at least {_amount(stamp_ms - (last_ms if stamp_ms > last_ms else first_ms))} the brokers'"


def _amount(ahead_ms: int) -> str:
    minutes, seconds = divmod(round(abs(ahead_ms) / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02} {'ahead of' if ahead_ms > 0 else 'behind'}"
