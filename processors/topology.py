"""The topology: what each stage reads, how, and what it writes. Every runtime reads this, nothing else."""

from typing import Any, Literal, Protocol

import msgspec

from schemas.kinds import kinds
from schemas.topics import Topic

__all__ = ["TOPOLOGY", "Portion", "Stage", "StageFold", "StageName", "Topic", "stage_named", "topic_of"]

StageName = str
"""Of an entry of the topology; part of consumer groups, metrics, checkpoints and the command line."""
Portion = Literal["events", "frames"]
"""What a stage takes at once and fetches ahead: many small events, or few large frames."""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One fold of the system. Every topic is keyed by `stand_id`, so its state lives in one place."""

    name: StageName
    reads: tuple[Topic, ...]
    writes: tuple[Topic, ...]
    takes: Portion = "events"
    waits_for: Topic | None = None
    """One of `reads`: what comes by the others enters after all that was published to this one before it."""


TOPOLOGY: tuple[Stage, ...] = (
    Stage(name="observe", reads=("frames",), writes=("observations",), takes="frames"),
    Stage(
        name="measure",
        reads=("observations", "plays"),
        writes=("visits", "campaign_windows"),
        waits_for="plays",
    ),
)


def topic_of(event: Any) -> Topic:
    """The topic that a stage writes an event to; its kind is in `schemas.kinds`."""
    return kinds().of(type(event)).topics[-1]


def stage_named(name: StageName) -> Stage:
    """The entry of a stage that is there."""
    return next(stage for stage in TOPOLOGY if stage.name == name)


class StageFold(Protocol):
    """A stage as a fold over the events of one stand."""

    def new_state(self, stand_id: str) -> Any:
        """The state of a stand that has seen nothing."""
        ...

    def step(self, state: Any, event: Any) -> tuple[Any, tuple[Any, ...]]:
        """The state after one event, and the events that follow from it."""
        ...
