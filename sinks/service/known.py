"""Facts that are there already: found by id and version in the batch, in memory, in the database."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from schemas.events import DeadLetter, Play, VisitEnded, WindowClosed
from schemas.ports import RowStore
from sinks.service.gathering import Batch, Entry

IDS_A_QUESTION = 2_000
OWN = (
    "_topic = {topic:String} AND _partition = {partition:Int32} "
    "AND _offset >= {lo:Int64} AND _offset < {hi:Int64}"
)


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """The table whose row says that a fact is there, and how to find it by the table's order."""

    table: str
    id_column: str
    id_field: str
    version_column: str = "1"
    near_column: str | None = None
    """First column of the table's order, where it is known from the fact."""
    near_field: str | None = None
    time_column: str | None = None
    time_field: str | None = None


HOMES: Mapping[type, Home] = {
    VisitEnded: Home(
        table="visits",
        id_column="visit_id",
        id_field="visit_id",
        version_column="version",
        near_column="stand_id",
        near_field="stand_id",
    ),
    WindowClosed: Home(
        table="windows",
        id_column="window_id",
        id_field="window_id",
        version_column="version",
        near_column="stand_id",
        near_field="stand_id",
        time_column="window_start",
        time_field="start_us",
    ),
    Play: Home(
        table="plays",
        id_column="play_id",
        id_field="play_id",
        near_column="campaign_id",
        near_field="campaign_id",
        time_column="started_at",
        time_field="start_us",
    ),
    DeadLetter: Home(table="dead_letters", id_column="letter_id", id_field="letter_id"),
}


class Remembered:
    """The ids and versions written last; the oldest are forgotten.

    Args:
        limit: how many are kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._versions: dict[int, int] = {}

    def has(self, fact_id: int, version: int) -> bool:
        """Whether this version or a later one was written."""
        return self._versions.get(fact_id, -1) >= version

    def add(self, facts: Iterable[Any]) -> None:
        """Remember what was written.

        Args:
            facts: in the order of writing.
        """
        versions = self._versions
        for fact in facts:
            fact_id, version = identity_of(fact)
            before = versions.pop(fact_id, -1)
            versions[fact_id] = version if version > before else before
        for oldest in list(islice(versions, max(0, len(versions) - self._limit))):
            del versions[oldest]


def identity_of(fact: Any) -> tuple[int, int]:
    """What makes a fact the same fact.

    Args:
        fact: an event of a topic that the sink reads.

    Returns:
        Its id as a number, which is quicker to look for than a UUID, and its version (1 for what has none).
    """
    if isinstance(fact, VisitEnded):
        return fact.visit.visit_id.int, fact.visit.version
    if isinstance(fact, WindowClosed):
        return fact.window_id.int, fact.version
    return (fact.play_id if isinstance(fact, Play) else fact.letter_id).int, 1


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
    there = written_versions(store, [entry.fact for entry in doubtful], batch)
    if not there:
        return first
    return [entry for entry in first if not _is_there(entry, there, careful=batch.careful)]


def _is_there(entry: Entry, there: Mapping[int, int], *, careful: bool) -> bool:
    fact_id, version = identity_of(entry.fact)
    return (careful or entry.repeated) and there.get(fact_id, -1) >= version


def written_versions(store: RowStore, facts: Sequence[Any], batch: Batch) -> dict[int, int]:
    """The highest version of each fact that the database has from elsewhere than this batch.

    Args:
        store: the database.
        facts: which to look for; of any kinds.
        batch: whose own rows do not count: it may have been written in part.

    Returns:
        Version by id; facts that are not there are left out.
    """
    found: dict[int, int] = {}
    for kind, home in HOMES.items():
        mine = [fact for fact in facts if type(fact) is kind]
        for some in _parts(mine, IDS_A_QUESTION):
            found.update(_ask(store, home, some, batch))
    return found


def _ask(store: RowStore, home: Home, facts: Sequence[Any], batch: Batch) -> Iterator[tuple[int, int]]:
    bare = [fact.visit if isinstance(fact, VisitEnded) else fact for fact in facts]
    topic, partition = batch.place
    parameters: dict[str, Any] = {"topic": topic, "partition": partition, "lo": batch.lo, "hi": batch.hi}
    parameters["ids"] = [str(getattr(fact, home.id_field)) for fact in bare]
    conditions = [f"{home.id_column} IN {{ids:Array(UUID)}}"]
    if home.near_column and home.near_field:
        parameters["near"] = sorted({getattr(fact, home.near_field) for fact in bare})
        conditions.append(f"{home.near_column} IN {{near:Array(String)}}")
    if home.time_column and home.time_field:
        times = [getattr(fact, home.time_field) for fact in bare]
        parameters |= {"since": min(times), "until": max(times)}
        bounds = [f"fromUnixTimestamp64Micro({{{name}:Int64}}, 'UTC')" for name in ("since", "until")]
        conditions.append(f"{home.time_column} BETWEEN {bounds[0]} AND {bounds[1]}")
    sql = (
        f"SELECT {home.id_column}, max({home.version_column}) FROM {home.table} "  # noqa: S608 - names of ours
        f"WHERE {' AND '.join(conditions)} AND NOT ({OWN}) GROUP BY {home.id_column}"
    )
    for fact_id, version in store.rows(sql, parameters):
        yield fact_id.int, int(version)


def _parts(facts: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(facts), size):
        yield facts[start : start + size]
