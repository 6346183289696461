"""Facts: which events become rows, and how many."""

from typing import Any

from schemas.kinds import kinds


def is_fact(event: Any) -> bool:
    """Whether an event, whatever passes through a runtime, becomes rows."""
    kind = kinds().get(type(event))
    return kind is not None and bool(kind.tables)


def rows_in(fact: Any) -> int:
    """How many rows, of all tables, a fact becomes; 0 for None, a message without one."""
    if fact is None:
        return 0
    rows = 0
    for table in kinds().of(type(fact)).tables:
        rows += len(getattr(fact, table.part)) if table.many and table.part else 1
    return rows
