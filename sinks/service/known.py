"""Facts that are there already: found by id and version in the batch, in memory, in the database."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from schemas.kinds import Kind, kinds
from schemas.ports import RowStore
from sinks.service.gathering import Batch, Entry

IDS_A_QUESTION = 2_000
OWN = (
    "_topic = {topic:String} AND _partition = {partition:Int32} "
    "AND _offset >= {lo:Int64} AND _offset < {hi:Int64} AND _inserted_at > "
    "(SELECT max(_inserted_at) FROM sink_batches WHERE topic = {topic:String} "
    "AND partition = {partition:Int32} AND incarnation != {incarnation:String})"
)
"""Rows that a batch may have written itself; those from the same offsets of a topic that had the name before
are no younger than that topic's last batch."""


class Remembered:
    """The ids and versions written last, at most `limit` of them; the oldest are forgotten."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._versions: dict[int, int] = {}

    def has(self, fact_id: int, version: int) -> bool:
        """Whether this version or a later one was written."""
        return self._versions.get(fact_id, -1) >= version

    def add(self, facts: Iterable[Any]) -> None:
        """Remember what was written, in the order of writing."""
        versions = self._versions
        for fact in facts:
            fact_id, version = identity_of(fact)
            before = versions.pop(fact_id, -1)
            versions[fact_id] = version if version > before else before
        for oldest in list(islice(versions, max(0, len(versions) - self._limit))):
            del versions[oldest]


def identity_of(fact: Any) -> tuple[int, int]:
    """What makes a fact the same fact.

    Returns:
        Its id as a number, which is quicker to look for than a UUID, and its version (1 for what has none).
    """
    kind = kinds().of(type(fact))
    assert kind.id is not None
    return kind.id(fact).int, 1 if kind.version is None else kind.version(fact)


def fresh_of(batch: Batch, memory: Remembered, store: RowStore) -> list[Entry]:
    """The facts of a batch that are not there yet; the same again when the batch is written again.

    Args:
        batch: what was gathered.
        memory: what this process wrote last.
        store: the database; asked for facts that may have come before, or for all of a careful batch.

    Returns:
        Entries with facts to write, in order.

    Raises:
        DependencyAwayError: the database is away.
    """
    first: list[Entry] = []
    seen: dict[int, int] = {}
    for entry in batch.entries:
        if entry.fact is None:
            continue
        fact_id, version = identity_of(entry.fact)
        if seen.get(fact_id, -1) >= version or memory.has(fact_id, version):
            continue
        seen[fact_id] = version
        first.append(entry)
    doubtful = [entry for entry in first if batch.careful or entry.repeated]
    there = _written_versions(store, [entry.fact for entry in doubtful], batch)
    if not there:
        return first
    identities = ((entry.offset, *identity_of(entry.fact)) for entry in doubtful)
    written = {offset for offset, fact_id, version in identities if there.get(fact_id, -1) >= version}
    return [entry for entry in first if entry.offset not in written]


def _written_versions(store: RowStore, facts: Sequence[Any], batch: Batch) -> dict[int, int]:
    """By id, the highest version of each fact that the database has from elsewhere than this batch.

    The batch's own rows do not count: it may have been written in part.
    """
    found: dict[int, int] = {}
    for kind in kinds().all:
        mine = [fact for fact in facts if type(fact) is kind.event]
        for start in range(0, len(mine), IDS_A_QUESTION):
            found.update(_ask(store, kind, mine[start : start + IDS_A_QUESTION], batch))
    return found


def _ask(store: RowStore, kind: Kind, facts: Sequence[Any], batch: Batch) -> Iterator[tuple[int, int]]:
    """The versions of facts in the head of their kind, found by what its order begins with."""
    head, (topic, partition) = kind.head, batch.tp
    id_column, version = next(iter(head.columns)), "1" if kind.version is None else "version"
    parameters: dict[str, Any] = {"topic": topic, "partition": partition, "lo": batch.lo, "hi": batch.hi}
    parameters["incarnation"] = batch.incarnation
    parameters["ids"] = [str(fact_id) for fact_id in head.values(id_column, facts)]
    conditions = [f"{id_column} IN {{ids:Array(UUID)}}"]
    if kind.near is not None:
        parameters["near"] = sorted(set(head.values(kind.near, facts)))
        conditions.append(f"{kind.near} IN {{near:Array(String)}}")
    if kind.since is not None:
        times = head.values(kind.since, facts)
        parameters |= {"since": min(times), "until": max(times)}
        bounds = [f"fromUnixTimestamp64Micro({{{name}:Int64}}, 'UTC')" for name in ("since", "until")]
        conditions.append(f"{kind.since} BETWEEN {bounds[0]} AND {bounds[1]}")
    sql = (
        f"SELECT {id_column}, max({version}) FROM {head.name} "  # noqa: S608 - names of ours
        f"WHERE {' AND '.join(conditions)} AND NOT ({OWN}) GROUP BY {id_column}"
    )
    for fact_id, highest in store.rows(sql, parameters):
        yield fact_id.int, int(highest)
