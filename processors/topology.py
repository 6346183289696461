"""The topology: which stage reads and writes which topic. Every runtime reads this value and nothing else."""

from typing import Any, Literal, Protocol

import msgspec

from schemas.kinds import kinds
from schemas.topics import Topic

__all__ = ["TOPOLOGY", "Stage", "StageName", "Topic", "topic_of"]

StageName = Literal["observe", "measure"]


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One fold of the system. Every topic is keyed by `stand_id`, so its state lives in one place."""

    name: StageName
    reads: tuple[Topic, ...]
    writes: tuple[Topic, ...]


TOPOLOGY: tuple[Stage, ...] = (
    Stage(name="observe", reads=("frames",), writes=("observations",)),
    Stage(name="measure", reads=("observations", "plays"), writes=("visits", "campaign_windows")),
)


def topic_of(event: Any) -> Topic:
    """The topic that a stage writes an event to.

    Args:
        event: of a kind in `schemas.kinds`.
    """
    return kinds().of(type(event)).topics[-1]


class StageFold(Protocol):
    """A stage as a fold over the events of one stand."""

    def new_state(self, stand_id: str) -> Any:
        """The state of a stand that has seen nothing."""
        ...

    def step(self, state: Any, event: Any) -> tuple[Any, tuple[Any, ...]]:
        """The state after one event, and the events that follow from it."""
        ...
