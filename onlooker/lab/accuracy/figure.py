"""One measured figure with the target it is held against."""

import csv
import operator
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

VERDICTS = {"higher": ("≥", operator.ge), "lower": ("≤", operator.le), "equal": ("=", operator.eq)}
"""What is asked of a figure beside its target: the sign, and whether it is so."""


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
        return None if self.target is None else VERDICTS[self.better][1](self.value, self.target)

    @property
    def aim(self) -> str:
        """The target in words."""
        return "-" if self.target is None else f"{VERDICTS[self.better][0]} {self.target:g}"


def table_rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV file with a header, each a mapping from column to text."""
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)
