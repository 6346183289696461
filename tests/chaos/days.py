"""The second day: topics made anew beneath running services, then the same stands once more."""

import contextlib
import time

from kafka.errors import KafkaError

from schemas.ports import RowStore
from schemas.topics import Topic, TopicNames
from tests.brokers import KafkaCluster
from tests.chaos.tables import ABOUT, IDS, Difference

REMADE: tuple[Topic, ...] = ("frames", "observations", "plays", "visits", "campaign_windows", "dead_letters")
"""All that services read."""
PATIENCE_S = 60.0


def delete_topics(cluster: KafkaCluster, names: TopicNames) -> None:
    """Delete the topics of a site; returns when they are gone."""
    wanted = {names.name(topic) for topic in REMADE}
    until = time.monotonic() + PATIENCE_S
    with contextlib.closing(cluster.admin()) as admin:
        while there := wanted & set(admin.list_topics()):
            assert time.monotonic() < until, f"still there after {PATIENCE_S:.0f} s: {sorted(there)}"
            with contextlib.suppress(KafkaError):
                admin.delete_topics(sorted(there))
            time.sleep(0.2)


def unequal_days(store: RowStore, stands: str, noon: str) -> list[Difference]:
    """Rows of recorded stands that two days of the same footage do not share.

    Args:
        store: what was found.
        stands: pattern of their ids.
        noon: between the two days, `YYYY-MM-DD hh:mm:ss` UTC.

    Returns:
        Differences but for ids and times of day; all rows when one day has none.
    """
    return [each for table in IDS for each in _unequal(store, table, stands, noon)]


def _unequal(store: RowStore, table: str, stands: str, noon: str) -> list[Difference]:
    rows = store.rows(
        "SELECT name, type FROM system.columns WHERE database = currentDatabase() "
        "AND table = {table:String} ORDER BY position",
        {"table": table},
    )
    types = {name: kind for name, kind in rows if name not in ABOUT and "UUID" not in kind}
    when = next(name for name, kind in types.items() if kind.startswith("DateTime"))
    moved = [
        f"{name} - toIntervalDay(is_second) AS {name}" if kind.startswith("DateTime") else name
        for name, kind in types.items()
    ]
    listed = ", ".join(types)
    found = store.rows(
        f"WITH here AS (SELECT *, toUInt8({when} > {{noon:DateTime64(6, 'UTC')}}) AS is_second "
        f"FROM {table} FINAL WHERE stand_id LIKE {{stands:String}}) "
        f"SELECT {listed}, countIf(is_second = 0) AS first, countIf(is_second = 1) AS second "
        f"FROM (SELECT is_second, {', '.join(moved)} FROM here) "
        f"GROUP BY {listed} HAVING first != second LIMIT 40",
        {"noon": noon, "stands": stands},
    )
    return [
        Difference(table=table, row=dict(zip(types, row, strict=False)), found=row[-1], expected=row[-2])
        for row in found
    ]
