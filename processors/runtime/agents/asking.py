"""Asking the brokers about offsets: patiently while they are away, and not past a change of assignment."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from faust.types import TP

from processors.runtime.agents.agreement import Member, members_of
from processors.runtime.agents.application import Committed, RoleApp
from processors.runtime.agents.connection import client_settings
from processors.runtime.agents.incarnations import incarnations_of
from schemas.broker import BrokerOptions
from schemas.metrics import Meter, Pulse
from schemas.trouble import trouble_of

log = logging.getLogger(__name__)
PAUSE_S = 0.5
"""How long it is waited before brokers that did not answer are asked again."""

ANSWER_MS = 10_000
"""How long a broker may take to answer."""

Offsets = Mapping[TP, int]
T = TypeVar("T")


class ReassignedError(Exception):
    """The partitions that were asked about are being taken away: what waits for the answer is void."""


class Asking:
    """Questions to the brokers about offsets.

    They have a connection of their own: on the one that events come by, brokers answer only after the fetch
    that they were asked for before, and that waits up to a second and a half for events.

    Args:
        app: a started application.
        broker: where the brokers are.
        meter: takes the count of repeated questions.
        pulse: is told while no broker answers.
    """

    def __init__(self, app: RoleApp, broker: BrokerOptions, meter: Meter, pulse: Pulse) -> None:
        self._app = app
        self._broker = broker
        self._meter = meter
        self._pulse = pulse
        self._line: AIOKafkaConsumer | None = None
        self._connecting = asyncio.Lock()

    async def close(self) -> None:
        """Hang up."""
        line, self._line = self._line, None
        if line is not None:
            await line.stop()

    async def ends(self, tps: Sequence[TP]) -> Offsets:
        """The offset that the next event of each partition will have.

        Raises:
            ReassignedError: the assignment changed before a broker answered.
        """
        return await self._asked(AIOKafkaConsumer.end_offsets, tps)

    async def begins(self, tps: Sequence[TP]) -> Offsets:
        """The offset of the oldest event that each partition still has.

        Raises:
            ReassignedError: the assignment changed before a broker answered.
        """
        return await self._asked(AIOKafkaConsumer.beginning_offsets, tps)

    async def incarnations(self, names: Iterable[str]) -> Mapping[str, str]:
        """What the brokers call each topic for as long as it lives; those that are not there are left out.

        Raises:
            ReassignedError: the assignment changed before a broker answered.
        """
        return await self._patiently(lambda: self.incarnations_now(names))

    async def incarnations_now(self, names: Iterable[str]) -> Mapping[str, str]:
        """The same, whatever becomes of the assignment.

        Raises:
            KafkaError: no broker answers.
        """
        return await incarnations_of((await self._connected())._client, names)

    async def _asked(self, question: Callable[..., Awaitable[Any]], tps: Sequence[TP]) -> Offsets:
        plain = [TopicPartition(tp.topic, tp.partition) for tp in tps]

        async def ask() -> Offsets:
            answer = await question(await self._connected(), plain)
            return {TP(tp.topic, tp.partition): offset for tp, offset in answer.items()}

        return await self._patiently(ask) if tps else {}

    async def _connected(self) -> AIOKafkaConsumer:
        async with self._connecting:
            if self._line is None:
                line = AIOKafkaConsumer(**client_settings(self._broker), request_timeout_ms=ANSWER_MS)
                try:
                    await line.start()
                except BaseException:
                    await line.stop()
                    raise
                self._line = line
            return self._line

    async def committed(self, tps: Sequence[TP]) -> Mapping[TP, Committed]:
        """The offset of the next event, for each partition that the group has committed one of.

        Raises:
            ReassignedError: the assignment changed before a broker answered.
        """
        return await self._patiently(lambda: self._app.offsets.committed(tps)) if tps else {}

    async def members(self) -> list[Member]:
        """The workers of this one's group, itself among them.

        Raises:
            ReassignedError: the assignment changed before a broker answered.
        """
        return await self._patiently(lambda: members_of(self._broker, self._app.conf.id))

    async def positions(self, tps: Sequence[TP]) -> Offsets:
        """The offset that each partition is read from next; no question to a broker."""
        found = {tp: await self._app.consumer.position(tp) for tp in tps}
        return {tp: offset for tp, offset in found.items() if offset is not None}

    async def read_again(self, offsets: Offsets) -> None:
        """Have partitions read from earlier offsets on."""
        await self._app.offsets.read_from(offsets)

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        while True:
            if not self._app.flow_control.is_active() or self._app.should_stop:
                raise ReassignedError
            try:
                answer = await ask()
            except IllegalStateError as error:
                raise ReassignedError from error
            except (KafkaError, TimeoutError) as error:
                log.debug("no broker answered", exc_info=True)
                self._pulse.away("kafka", str(trouble_of(error, self._broker)))
                self._meter.count("retries", dependency="kafka")
                await asyncio.sleep(PAUSE_S)
            else:
                self._pulse.away("kafka", None)
                return answer
