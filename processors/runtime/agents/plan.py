"""What a role is made of, as the wiring hands it over."""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from processors.runtime.work.options import WorkOptions
from processors.runtime.work.stands import Load, StandStates
from processors.runtime.work.traffic import Outgoing, Received
from processors.topology import TOPOLOGY, StageName
from schemas.broker import BrokerOptions
from schemas.metrics import Meter, Pulse
from schemas.topics import Topic


class Desk(Protocol):
    """Handles messages and says what follows; knows no broker."""

    async def handle(self, messages: Sequence[Received]) -> list[Outgoing]:
        """Handle messages, in their order."""
        ...


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """A desk with the states that it works on."""

    desk: Desk
    states: StandStates


class WorkPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a role is made of; the wiring fills it in."""

    stage: StageName
    broker: BrokerOptions
    options: WorkOptions
    open_bench: Callable[[Load], Bench]
    meter: Meter
    pulse: Pulse
    clock_us: Callable[[], int]
    instance: str
    """Who writes: goes into the header `producer`."""

    @property
    def reads(self) -> tuple[Topic, ...]:
        """The topics that come in."""
        return next(stage.reads for stage in TOPOLOGY if stage.name == self.stage)

    @property
    def writes(self) -> tuple[Topic, ...]:
        """The topics that go out, dead letters last."""
        return (*next(stage.writes for stage in TOPOLOGY if stage.name == self.stage), "dead_letters")
