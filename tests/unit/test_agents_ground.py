"""The ground of a worker: topics that stay the same, and commits that say in which they count."""

import pytest
from faust.types import TP

from processors.runtime.agents.application import Committed
from processors.runtime.agents.ground import Ground
from processors.runtime.agents.incarnations import RecreatedError
from schemas.metrics import NoMeter
from schemas.topics import Topic

A, B = TP("site.frames.v1", 0), TP("site.frames.v1", 1)
KINDS: dict[str, Topic] = {"site.frames.v1": "frames"}
IDS = {"site.frames.v1": "one", "kept": "two"}


class Counts(NoMeter):
    """Remembers what was counted."""

    def __init__(self) -> None:
        self.found: list[tuple[object, ...]] = []

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        self.found.append((name, amount, *labels.values()))


def ground(counts: Counts | None = None) -> Ground:
    return Ground(IDS, checkpoints="kept", meter=counts or Counts())


@pytest.mark.parametrize("present", [{"kept": "two"}, {"site.frames.v1": "three", "kept": "two"}])
def test_a_topic_that_is_gone_or_another_ends_the_work(present: dict[str, str]) -> None:
    found = ground()
    found.require_same(IDS)
    with pytest.raises(RecreatedError, match=r"site\.frames\.v1\. It begins anew at its checkpoints"):
        found.require_same(present)
    assert found.gone == {"site.frames.v1"}
    assert not found.has_no_checkpoints


def test_checkpoints_that_are_gone_are_told() -> None:
    found = ground()
    with pytest.raises(RecreatedError, match="with no states of stands"):
        found.require_same({"site.frames.v1": "one"})
    assert found.has_no_checkpoints


@pytest.mark.parametrize(
    ("committed", "first", "told"),
    [
        (None, 3, []),
        (Committed(offset=7, incarnation="one"), 7, []),
        (Committed(offset=7, incarnation=""), 7, []),
        (Committed(offset=9, incarnation="one"), 9, []),
        (Committed(offset=1, incarnation="one"), 3, [("messages_ignored", 2, "frames", "expired")]),
        (Committed(offset=7, incarnation="zero"), 3, [("positions_void", 1, "frames", "recreated")]),
        (Committed(offset=10, incarnation=""), 3, [("positions_void", 1, "frames", "past_end")]),
        (Committed(offset=10, incarnation="one"), 3, [("positions_void", 1, "frames", "past_end")]),
    ],
)
def test_where_a_partition_begins(
    committed: Committed | None, first: int, told: list[tuple[object, ...]]
) -> None:
    """It holds the offsets 3 to 8."""
    counts = Counts()
    commits = {} if committed is None else {A: committed}
    found = ground(counts).firsts([A, B], KINDS, begins={A: 3}, ends={A: 9, B: 0}, commits=commits)
    assert found == {A: first, B: 0}
    assert counts.found == told
