"""A meter that times a sink from the end of its first batch until enough rows are written."""

import time
from collections.abc import Callable

from schemas.metrics import CounterName, NoMeter


class RowCounter(NoMeter):
    """Counts rows, but those of the first batch.

    Args:
        expected: so many are timed, at least.
    """

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._began_s: float | None = None
        self.rows = 0
        """Written since the first batch."""
        self.seconds: float | None = None
        """From the end of the first batch to the end of the last one timed; None before that."""
        self.when_done: Callable[[], None] = lambda: None
        """Called when enough rows are written."""

    def count(self, name: CounterName, amount: float = 1, **labels: str) -> None:
        """Hear of rows and batches; forget the rest."""
        del labels
        if name == "rows_written" and self._began_s is not None and self.seconds is None:
            self.rows += int(amount)
        if name == "batches_written":
            self._batch_ended()

    def _batch_ended(self) -> None:
        if self._began_s is None:
            self._began_s = time.perf_counter()
        elif self.rows >= self._expected and self.seconds is None:
            self.seconds = time.perf_counter() - self._began_s
            self.when_done()
