"""The embedded runtime: drives the topology in one process, events in order, state in memory."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from processors.topology import TOPOLOGY, Stage, StageFold, StageName, Topic, topic_of


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One event with its place: what a broker would hand to a consumer."""

    topic: Topic
    stand_id: str
    offset: int
    event: Any


Deliver = Callable[[Delivery], None]
"""Listens to every topic."""


class LocalRuntime:
    """Carries each event to whoever listens, then to the stages that read its topic.

    Args:
        folds: of the stages that run here; the others are left out.
        deliver: takes every event of every topic.
        topology: the entries of the stages.
    """

    def __init__(
        self, folds: Mapping[StageName, StageFold], deliver: Deliver, topology: Sequence[Stage] = TOPOLOGY
    ) -> None:
        self._folds = folds
        self._stages = [stage for stage in topology if stage.name in folds]
        self._deliver = deliver
        self._states: dict[tuple[StageName, str], Any] = {}
        self._offsets: Counter[Topic] = Counter()

    def publish(self, topic: Topic, stand_id: str, event: Any) -> None:
        """One event into a topic; all that follows from it has happened when this returns."""
        offset = self._offsets[topic]
        self._offsets[topic] += 1
        self._deliver(Delivery(topic=topic, stand_id=stand_id, offset=offset, event=event))
        for stage in self._stages:
            if topic in stage.reads:
                self._advance(stage.name, stand_id, event)

    def _advance(self, name: StageName, stand_id: str, event: Any) -> None:
        fold = self._folds[name]
        key = (name, stand_id)
        state = self._states[key] if key in self._states else fold.new_state(stand_id)
        self._states[key], follow = fold.step(state, event)
        for each in follow:
            self.publish(topic_of(each), stand_id, each)

    def state(self, name: StageName, stand_id: str) -> Any:
        """The present state of a stage for one stand, None when it has seen nothing."""
        return self._states.get((name, stand_id))
