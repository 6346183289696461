"""What a role is made of, as the wiring hands it over."""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from processors.runtime.work.options import WorkOptions
from processors.runtime.work.stands import Load, StandStates
from processors.runtime.work.traffic import Outgoing, Received
from processors.topology import Stage
from schemas.broker import BrokerOptions
from schemas.clocks import Clocks
from schemas.metrics import Meter, Pulse


class Desk(Protocol):
    """Handles messages and says what follows; knows no broker."""

    @property
    def states(self) -> StandStates:
        """Of the stands that it works on."""
        ...

    async def handle(self, messages: Sequence[Received]) -> list[Outgoing]:
        """Handle messages, in their order."""
        ...

    def forget(self) -> None:
        """Other workers may have the stands now."""
        ...


class WorkPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a role is made of; the wiring fills it in."""

    stage: Stage
    broker: BrokerOptions
    options: WorkOptions
    open_desk: Callable[[Load], Desk]
    meter: Meter
    pulse: Pulse
    clocks: Clocks
    instance: str
    """Who writes: goes into the header `producer`."""
    meaning: str = ""
    """Digest of what the meaning of its events depends on: the same in all workers of the stage."""
