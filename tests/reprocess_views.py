"""One question over all tables and views that a reprocessing may change, and over plays, which it may not."""

from typing import Any

from schemas.ports import RowStore
from sinks.reprocessing.side import SIDE_TABLES

VIEWS = tuple(f"v_{table}" for table in SIDE_TABLES)
REPORTS = ("v_campaign_totals", "v_campaign_report", "v_stand_report")
FACTS = ", ".join(
    f"(SELECT sum(cityHash64(toString(tuple(* EXCEPT (_inserted_at))))) FROM {view}) AS {view}"
    for view in (*VIEWS, "v_plays")
)
"""A digest of each view, that of plays last."""
EVERYTHING = ", ".join(
    [FACTS, *(f"(SELECT sum(cityHash64(toString(tuple(*)))) FROM {view}) AS {view}" for view in REPORTS)]
)
"""The same with the reports on top of them."""


def seen(store: RowStore) -> tuple[Any, ...]:
    """What a reader sees now."""
    return store.rows(f"SELECT {EVERYTHING}")[0]
