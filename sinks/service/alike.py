"""Facts alike: one time of one stand is measured with one set of thresholds, or its windows add up twice."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from schemas.errors import UsageError
from schemas.events import VisitEnded, WindowClosed
from schemas.ports import RowStore
from schemas.units import US_PER_S

_CLOCK = "%Y-%m-%d %H:%M:%S"
_OTHERS = (
    "SELECT metric_version, min(window_start), max(window_end) FROM windows "
    "WHERE stand_id = {stand:String} "
    "AND metric_version != {version:String} "
    "AND window_start < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC') "
    "AND window_end > fromUnixTimestamp64Micro({from_us:Int64}, 'UTC') GROUP BY metric_version LIMIT 1"
)


def require_alike(store: RowStore, facts: Iterable[Any]) -> None:
    """Refuse facts of a time of which a database has windows that were made with other thresholds.

    Args:
        store: the database, migrated.
        facts: to be written; those that depend on no threshold are left alone.

    Raises:
        UsageError: it has.
        DependencyAwayError: the server is away.
    """
    spans: dict[tuple[str, str], tuple[int, int]] = {}
    for fact in facts:
        if isinstance(fact, VisitEnded):
            key = (fact.visit.stand_id, fact.visit.metric_version)
            start_us, end_us = fact.visit.started_us, fact.visit.ended_us
        elif isinstance(fact, WindowClosed):
            key, start_us, end_us = (fact.stand_id, fact.metric_version), fact.start_us, fact.end_us
        else:
            continue
        first_us, last_us = spans.get(key, (start_us, end_us))
        spans[key] = (min(first_us, start_us), max(last_us, end_us))
    for (stand_id, version), (from_us, until_us) in spans.items():
        asked = {"stand": stand_id, "version": version, "from_us": from_us, "until_us": until_us}
        for other, since, until in store.rows(_OTHERS, asked):
            now = datetime.fromtimestamp(from_us / US_PER_S, UTC)
            raise UsageError(
                f"The stand {stand_id!r} has been measured with other thresholds from {since:{_CLOCK}} to "
                f"{until:{_CLOCK}} UTC (metric version {other}; now it is {version}), and the figures of "
                f"{now:{_CLOCK}} would be added to those. Give another --data-dir, begin after that time, or "
                "record and use `onlooker reprocess`, which puts new figures beside."
            )
