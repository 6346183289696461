"""Compares what was found with an undisturbed run: raw rows, what was ever inserted, every view."""

from schemas.ports import RowStore
from tests.chaos.tables import IDS, Difference, differences, doubles, views


def compared(found: RowStore, undisturbed: str) -> tuple[list[Difference], int]:
    """All differences.

    Args:
        found: the database into which the services wrote.
        undisturbed: name of the other.

    Returns:
        The differences, and how many messages were set aside.
    """
    names = [*IDS, *(f"inserted_{table}" for table in IDS), *views(found)]
    unequal = [each for name in names for each in differences(found, name, undisturbed)]
    twice = [each for table in IDS for each in doubles(found, table)]
    return unequal + twice, _dead_letters(found)


def written_rows(found: RowStore) -> dict[str, int]:
    """How many rows were ever inserted, by table."""
    return {table: int(found.rows(f"SELECT count() FROM inserted_{table}")[0][0]) for table in IDS}


def _dead_letters(found: RowStore) -> int:
    there = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'dead_letters'"
    if not found.rows(there)[0][0]:
        return 0
    return int(found.rows("SELECT count() FROM dead_letters")[0][0])
