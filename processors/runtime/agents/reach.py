"""How far a worker has come in each of its partitions: taken, handled, committed."""

from collections.abc import Mapping

from faust.types import TP


class Reach:
    """Offsets of the next event by partition; of one assignment, made anew for the next."""

    def __init__(self) -> None:
        self._first: dict[TP, int] = {}
        self._taken: dict[TP, int] = {}
        self._handled: dict[TP, int] = {}
        self._committed: dict[TP, int] = {}
        self._missing: set[TP] = set()

    def begin(self, firsts: Mapping[TP, int]) -> None:
        """Partitions were assigned.

        Args:
            firsts: the offset of the first event to come from each.
        """
        self._first, self._taken = dict(firsts), dict(firsts)

    def has(self, tp: TP, offset: int) -> bool:
        """Whether an event has been taken already."""
        return offset < self._taken.get(tp, 0)

    def take(self, tp: TP, offset: int) -> bool:
        """An event has come.

        Returns:
            False when events before it have not: it must come again, after them.
        """
        if offset > self._taken.get(tp, offset):
            self._missing.add(tp)
            return False
        self._missing.discard(tp)
        self._taken[tp] = offset + 1
        return True

    def missing(self) -> dict[TP, int]:
        """The offset of the next event to come, for partitions from which later ones have come already."""
        return {tp: self._taken[tp] for tp in self._missing}

    def handle(self, tp: TP, offset: int) -> None:
        """An event has been handled."""
        self._handled[tp] = offset + 1

    def reached(self, tp: TP) -> int:
        """The offset of the next event to be handled, as far as it is known."""
        return self._handled.get(tp, self._first.get(tp, 0))

    def uncommitted(self) -> dict[TP, int]:
        """Offsets that could be committed and are not."""
        return {tp: offset for tp, offset in self._handled.items() if self._committed.get(tp) != offset}

    def commit(self, offsets: Mapping[TP, int]) -> None:
        """Offsets have been committed."""
        self._committed.update(offsets)
