"""Values of the database as plain JSON and as short text."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

Plain = str | int | float | bool | None | list[Any] | dict[str, Any]
UNKNOWN = "n/a"


def plain(value: Any) -> Plain:
    """A value of the database's driver as JSON has it.

    Numbers, text and NULL are as they are; ids, instants (ISO 8601) and decimals become text.
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
    """A figure (None: unknown) for a person, so many digits after the point: for example `1,234.5 s`."""
    return UNKNOWN if value is None else f"{value:,.{digits}f}{unit}"


def percent(value: float | None) -> str:
    """A share (0 to 1, None: unknown) for a person: for example `35 %`."""
    return UNKNOWN if value is None else f"{100 * value:.0f} %"
