"""From facts to the columns of every table: which rows a fact becomes, built column by column."""

from collections.abc import Iterable
from typing import Any, Protocol

from schemas.kinds import kinds
from schemas.tables import Columns, Offsets


class Sourced(Protocol):
    """A fact with its offset."""

    @property
    def fact(self) -> Any:
        """Of a kind that has tables."""
        ...

    @property
    def offset(self) -> int:
        """In the partition that it came by."""
        ...


def tables_of(sourced: Iterable[Sourced], tp: tuple[str, int]) -> list[tuple[str, Columns]]:
    """The rows of facts that came by one partition.

    Args:
        sourced: facts with their offsets.
        tp: that partition.

    Returns:
        Columns of each table that gets a row, heads after their parts; durations rounded down to ms,
        instants in us.
    """
    found: dict[type, tuple[list[Any], Offsets]] = {}
    for each in sourced:
        facts, offsets = found.setdefault(type(each.fact), ([], []))
        facts.append(each.fact)
        offsets.append(each.offset)
    tables = []
    for kind in kinds().all:
        facts, offsets = found.pop(kind.event, ([], []))
        for table in kind.tables if facts else ():
            columns, offsets_of_rows = table.filled(facts, offsets)
            if count := len(offsets_of_rows):
                source: Columns = {"_topic": [tp[0]] * count, "_partition": [tp[1]] * count}
                tables.append((table.name, {**columns, **source, "_offset": offsets_of_rows}))
    return tables
