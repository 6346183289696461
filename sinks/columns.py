"""From the facts of a batch to the columns of every table, in the order to write them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sinks.feed import Place
from sinks.gathering import Entry
from sinks.rows import WRITE_ORDER, Origin, Row, columns_of, rows_of

Columns = Mapping[str, Any]


def tables_of(entries: Sequence[Entry], place: Place) -> list[tuple[str, Columns]]:
    """The rows of a batch.

    Args:
        entries: with facts.
        place: where they came from.

    Returns:
        Columns of each table that gets a row; heads after their parts.
    """
    found: dict[str, list[Row]] = {}
    for entry in entries:
        origin = Origin(topic=place[0], partition=place[1], offset=entry.offset)
        for row in rows_of(entry.fact, origin):
            found.setdefault(row.table, []).append(row.values)
    return [(table, columns_of(found[table])) for table in WRITE_ORDER if table in found]
