"""Facts: the topic that carries each kind, and how many rows it becomes."""

from typing import Any

from schemas.kinds import kinds


def is_fact(event: Any) -> bool:
    """Whether an event becomes rows.

    Args:
        event: whatever passes through a runtime.
    """
    kind = kinds().get(type(event))
    return kind is not None and bool(kind.tables)


def rows_in(fact: Any) -> int:
    """How many rows a fact becomes.

    Args:
        fact: a fact, or None for a message without one.

    Returns:
        Rows of all tables.
    """
    if fact is None:
        return 0
    rows = 0
    for table in kinds().of(type(fact)).tables:
        rows += len(getattr(fact, table.part)) if table.many and table.part else 1
    return rows
