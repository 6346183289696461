"""Values of the database as plain JSON and as short text."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

Plain = str | int | float | bool | None | list[Any] | dict[str, Any]
UNKNOWN = "n/a"


def plain(value: Any) -> Plain:
    """One value as JSON has it.

    Args:
        value: as the database's driver gives it.

    Returns:
        Numbers, text and NULL as they are; ids, instants (ISO 8601) and decimals as text.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [plain(item) for item in value]
    return str(value)


def number(value: float | None, digits: int = 1, unit: str = "") -> str:
    """A figure for a person.

    Args:
        value: the figure, None when unknown.
        digits: after the point.
        unit: put behind it.

    Returns:
        For example `1,234.5 s`.
    """
    return UNKNOWN if value is None else f"{value:,.{digits}f}{unit}"


def percent(value: float | None) -> str:
    """A share for a person.

    Args:
        value: from 0 to 1, None when unknown.

    Returns:
        For example `35 %`.
    """
    return UNKNOWN if value is None else f"{100 * value:.0f} %"
