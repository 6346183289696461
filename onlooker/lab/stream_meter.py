"""A meter that times a sink from the moment it has its partitions until the last row is written."""

import time
from collections.abc import Callable

from schemas.metrics import CounterName, NoMeter


class RowCounter(NoMeter):
    """Counts rows.

    Args:
        expected: so many rows there are.
    """

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._began_s: float | None = None
        self.rows = 0
        """Written so far."""
        self.seconds: float | None = None
        """From the first partition given to the last row written; None before that."""
        self.when_done: Callable[[], None] = lambda: None
        """Called when the last row is written."""

    def count(self, name: CounterName, amount: float = 1, **labels: str) -> None:
        """Hear of partitions and rows; forget the rest."""
        if name == "partitions_changed" and labels.get("change") == "given" and self._began_s is None:
            self._began_s = time.perf_counter()
        if name == "rows_written":
            self.rows += int(amount)
            if self.rows >= self._expected and self.seconds is None and self._began_s is not None:
                self.seconds = time.perf_counter() - self._began_s
                self.when_done()
