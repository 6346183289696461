"""Facts for the sink benchmark: those of MEASURE over its traffic, again and again under new ids."""

from collections.abc import Iterator, Sequence
from itertools import cycle
from uuid import UUID

import msgspec

from onlooker.lab.stream.input import Crowd, traffic
from processors.measure.stage import MeasureStage
from processors.runtime.local import Delivery, LocalRuntime
from processors.thresholds import MeasureOptions
from processors.topology import topic_of
from schemas.events import Exposure, Play, VisitEnded, WindowClosed
from schemas.topics import Topic
from sinks.facts.kinds import rows_in

Fact = VisitEnded | WindowClosed | Play
CROWD = Crowd(stands=20, seconds=130)
MOST_ROWS = 64
"""No fact becomes more rows: a batch stops so many below its bound."""
replace = msgspec.structs.replace


class Heap(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of one topic that make one batch."""

    topic: Topic
    facts: Sequence[Fact]

    @property
    def rows(self) -> int:
        """Rows of all tables that the facts become."""
        return sum(rows_in(fact) for fact in self.facts)


def heaps(topics: Sequence[Topic], batch_rows: int, *, turn: int) -> list[Heap]:
    """Batches of facts.

    Args:
        topics: `visits` or `campaign_windows`, for each batch.
        batch_rows: of one batch, about; never more.
        turn: ids differ from one turn to the next.

    Returns:
        A heap for each topic.
    """
    visits, windows = _measured()
    fresh = {"visits": _renewed(visits, 2 * turn), "campaign_windows": _renewed(windows, 2 * turn + 1)}
    return [Heap(topic=topic, facts=_filled(fresh[topic], batch_rows)) for topic in topics]


def _measured() -> tuple[list[VisitEnded], list[WindowClosed]]:
    visits: list[VisitEnded] = []
    windows: list[WindowClosed] = []

    def deliver(delivery: Delivery) -> None:
        if isinstance(delivery.event, VisitEnded):
            visits.append(delivery.event)
        elif isinstance(delivery.event, WindowClosed):
            windows.append(delivery.event)

    runtime = LocalRuntime({"measure": MeasureStage(MeasureOptions())}, deliver)
    for event in traffic(CROWD):
        runtime.publish(topic_of(event), event.stand_id, event)
    return visits, windows


def _renewed(facts: Sequence[Fact], series: int) -> Iterator[Fact]:
    """The same facts without end, each time under ids that were never there."""
    number = (series + 1) << 96
    for fact in cycle(facts):
        number += 1 << 16
        if isinstance(fact, VisitEnded):
            yield VisitEnded(
                visit=replace(fact.visit, visit_id=UUID(int=number), version=1),
                exposures=tuple(_exposure(each, number + i) for i, each in enumerate(fact.exposures, 1)),
            )
        elif isinstance(fact, WindowClosed):
            yield replace(fact, window_id=UUID(int=number), version=1)


def _exposure(exposure: Exposure, number: int) -> Exposure:
    return replace(exposure, exposure_id=UUID(int=number), visit_id=UUID(int=number & ~0xFFFF), version=1)


def _filled(facts: Iterator[Fact], batch_rows: int) -> list[Fact]:
    found: list[Fact] = []
    rows = 0
    for fact in facts:
        rows += rows_in(fact)
        if rows > batch_rows - MOST_ROWS:
            return found
        found.append(fact)
    return found
