"""Rows of a busy stand, and bytes a row on ClickHouse's disk, merged. Prints JSON."""

import json
import sys
import tempfile
from pathlib import Path

from onlooker.lab.stream.input import Crowd, traffic
from onlooker.lab.stream.servers import database
from processors.measure.stage import MeasureStage
from processors.runtime.local import Delivery, LocalRuntime
from processors.thresholds import MeasureOptions
from processors.topology import topic_of
from sinks.facts.columns import tables_of
from sinks.facts.kinds import is_fact
from sinks.service.gathering import Entry
from sinks.store.clickhouse import ClickHouse

CROWD = Crowd(stands=200, seconds=300)
SIZES = (
    "SELECT table, sum(rows), sum(bytes_on_disk) FROM system.parts "
    "WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)} GROUP BY 1 ORDER BY 1"
)


def entries(crowd: Crowd) -> list[Entry]:
    """The facts of a crowd, as the sink gathers them.

    Args:
        crowd: stands and seconds.

    Returns:
        Plays, visits and windows.
    """
    found: list[Entry] = []

    def deliver(delivery: Delivery) -> None:
        if is_fact(delivery.event):
            found.append(Entry(offset=len(found), fact=delivery.event, size_bytes=0))

    runtime = LocalRuntime({"measure": MeasureStage(MeasureOptions())}, deliver)
    for event in traffic(crowd):
        runtime.publish(topic_of(event), event.stand_id, event)
    return found


def main() -> None:
    """Write the facts, merge them, look."""
    with tempfile.TemporaryDirectory(prefix="onlooker-bench-") as folder, database(Path(folder)) as address:
        store = ClickHouse(address)
        tables = tables_of(entries(CROWD), ("visits.v1", 0))
        for table, columns in tables:
            store.insert(table, columns, "disk")
            store.command(f"OPTIMIZE TABLE {table} FINAL")
        sizes = store.rows(SIZES, {"tables": [table for table, _ in tables]})
        store.close()
    rows, size_bytes = sum(row[1] for row in sizes), sum(row[2] for row in sizes)
    by_table = {table: round(size / count, 1) for table, count, size in sizes}
    found = {
        "row_bytes": round(size_bytes / rows, 1),
        "rows_per_stand_hour": round(rows / (CROWD.stands * CROWD.seconds / 3600)),
        "bytes_a_row_by_table": by_table,
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
