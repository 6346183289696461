"""One measured figure with the target it is held against."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure, over how many cases, and what was aimed at."""

    name: str
    value: float
    cases: int
    target: float | None = None
    better: Literal["higher", "lower", "equal"] = "higher"
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None when there is none."""
        if self.target is None:
            return None
        if self.better == "equal":
            return self.value == self.target
        return self.value >= self.target if self.better == "higher" else self.value <= self.target

    @property
    def aim(self) -> str:
        """The target in words."""
        if self.target is None:
            return "-"
        sign = {"higher": "≥", "lower": "≤", "equal": "="}[self.better]
        return f"{sign} {self.target:g}"


def table_rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV file with a header, each a mapping from column to text."""
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)
