"""Rows of a busy stand, and bytes a row on ClickHouse's disk, merged. Prints JSON."""

import json
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from onlooker.lab.stream.input import Crowd, facts_of
from onlooker.lab.stream.sink import batch_of
from onlooker.lab.stream.site import database
from sinks.facts.columns import tables_of
from sinks.store.clickhouse import ClickHouse

CROWD = Crowd(stands=200, seconds=300)
SIZES = (
    "SELECT table, sum(rows), sum(bytes_on_disk) FROM system.parts "
    "WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)} GROUP BY 1 ORDER BY 1"
)


def main() -> None:
    """Write the facts of a crowd, merge them, look, and print JSON."""
    batch = batch_of(facts_of(CROWD), incarnation="disk")
    tables = tables_of(batch.entries, batch.tp)
    with (
        tempfile.TemporaryDirectory(prefix="onlooker-bench-") as folder,
        database(Path(folder)) as address,
        closing(ClickHouse(address)) as store,
    ):
        for table, columns in tables:
            store.insert(table, columns, "disk")
            store.command(f"OPTIMIZE TABLE {table} FINAL")
        sizes = store.rows(SIZES, {"tables": [table for table, _ in tables]})
    rows, size_bytes = sum(row[1] for row in sizes), sum(row[2] for row in sizes)
    found = {
        "row_bytes": round(size_bytes / rows, 1),
        "rows_per_stand_hour": round(rows / (CROWD.stands * CROWD.seconds / 3600)),
        "bytes_a_row_by_table": {table: round(size / count, 1) for table, count, size in sizes},
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
