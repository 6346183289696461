"""The ledger of batches: its row is written last, so what it says is written is written in every table."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from schemas.ports import RowStore
from sinks.service.feed import TopicPartition
from sinks.service.gathering import Batch
from sinks.service.offsets import Written

TABLE = "sink_batches"
HIGHEST = (
    "SELECT partition, maxIf(hi, incarnation = {incarnation:String}), "
    "maxIf(hi, incarnation != {incarnation:String}) FROM sink_batches "
    "WHERE topic = {topic:String} GROUP BY partition"
)


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch."""

    rows: Mapping[str, int]
    """Rows written, by table."""
    set_aside: int
    repeated: int


def highest_written(
    store: RowStore, incarnations: Mapping[TopicPartition, str]
) -> dict[TopicPartition, Written]:
    """How far each partition is written; those without a batch are left out."""
    found: dict[TopicPartition, Written] = {}
    for topic, incarnation in sorted({(tp[0], name) for tp, name in incarnations.items()}):
        rows = store.rows(HIGHEST, {"topic": topic, "incarnation": incarnation})
        for partition, hi, before in rows:
            found[topic, int(partition)] = Written(hi=int(hi) or None, before=int(before))
    return {tp: written for tp, written in found.items() if tp in incarnations}


def ledger_row(batch: Batch, done: Done, writer: str) -> Mapping[str, Sequence[Any]]:
    """The row that ends a batch, as columns."""
    topic, partition = batch.tp
    return {
        "topic": [topic],
        "incarnation": [batch.incarnation],
        "partition": [partition],
        "lo": [batch.lo],
        "hi": [batch.hi],
        "messages": [len(batch.entries)],
        "set_aside": [done.set_aside],
        "repeated": [done.repeated],
        "table_rows": [dict(done.rows)],
        "healed": [int(batch.healed)],
        "writer": [writer],
    }
