"""Asking the brokers about offsets: patiently while they are away, and not past a change of assignment."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiokafka.errors import IllegalStateError, KafkaError
from faust.types import TP

from processors.agents.application import RoleApp
from schemas.metrics import Meter, Pulse

log = logging.getLogger(__name__)
PAUSE_S = 0.5
"""How long it is waited before brokers that did not answer are asked again."""

Offsets = Mapping[TP, int]


class ReassignedError(Exception):
    """The partitions that were asked about are being taken away: what waits for the answer is void."""


class Asking:
    """Questions to the brokers about offsets.

    Args:
        app: a started application.
        meter: takes the count of repeated questions.
        pulse: is told while no broker answers.
    """

    def __init__(self, app: RoleApp, meter: Meter, pulse: Pulse) -> None:
        self._app = app
        self._meter = meter
        self._pulse = pulse

    async def ends(self, tps: Sequence[TP]) -> Offsets:
        """The offset that the next event of each partition will have.

        Raises:
            ReassignedError: the assignment changed before a broker answered.
        """
        return await self._patiently(lambda: self._app.consumer.highwaters(*tps)) if tps else {}

    async def begins(self, tps: Sequence[TP]) -> Offsets:
        """The offset of the oldest event that each partition still has.

        Raises:
            ReassignedError: the assignment changed before a broker answered.
        """
        return await self._patiently(lambda: self._app.consumer.earliest_offsets(*tps)) if tps else {}

    async def committed(self, tps: Sequence[TP]) -> Offsets:
        """The offset of the next event, for each partition that the group has committed one of.

        Raises:
            ReassignedError: the assignment changed before a broker answered.
        """
        return await self._patiently(lambda: self._app.offsets.committed(tps)) if tps else {}

    async def positions(self, tps: Sequence[TP]) -> Offsets:
        """The offset that each partition is read from next; no question to a broker."""
        found = {tp: await self._app.consumer.position(tp) for tp in tps}
        return {tp: offset for tp, offset in found.items() if offset is not None}

    async def _patiently(self, ask: Callable[[], Awaitable[Offsets]]) -> Offsets:
        while True:
            if not self._app.flow_control.is_active() or self._app.should_stop:
                raise ReassignedError
            try:
                answer = await ask()
            except IllegalStateError as error:
                raise ReassignedError from error
            except (KafkaError, TimeoutError) as error:
                log.debug("no broker answered", exc_info=True)
                self._pulse.away("kafka", f"The brokers do not say how far their topics go ({error}).")
                self._meter.count("retries", dependency="kafka")
                await asyncio.sleep(PAUSE_S)
            else:
                self._pulse.away("kafka", None)
                return answer
