"""One role at work: takes events unacknowledged, sends what follows, writes checkpoints, then commits."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from faust.types import TP

from processors.agents.application import RoleApp
from processors.agents.outbox import Outbox
from processors.agents.plan import Bench, WorkPlan
from processors.alignment import PlaysFirst
from processors.lease import Lease
from processors.traffic import Place, Received
from schemas.message import captured_us_of
from schemas.topics import Topic

TICK_S = 0.1
"""A worker without events looks around so often."""
PATIENCE_S = 1.0
"""How long plays that should come are waited for before it is asked whether there are any."""


class Queue(Protocol):
    """Where Faust puts what it fetched."""

    def get_nowait(self) -> Any:
        """The next event."""
        ...

    async def get(self) -> Any:
        """The next event, waited for."""
        ...

    def empty(self) -> bool:
        """Whether there is none."""
        ...


class RoleWorker:
    """Drives a bench from Faust's queue; one round at a time, and never two at once.

    Args:
        app: the role's application.
        plan: the role.
        bench: desk and states.
        lease: says whether writing is allowed.
    """

    def __init__(self, app: RoleApp, plan: WorkPlan, bench: Bench, lease: Lease) -> None:
        self._app = app
        self._plan = plan
        self._bench = bench
        self._lease = lease
        self._outbox = Outbox(app, plan)
        self._topics = {plan.broker.topics.name(topic): topic for topic in plan.reads}
        self._busy = asyncio.Lock()
        self._order = _Order(app, plan) if "plays" in plan.reads else None
        self._reached: dict[TP, int] = {}
        self._committed: dict[TP, int] = {}
        self._known_until: dict[tuple[Topic, int], int] = {}
        self._settled = False
        self._kept_s = time.monotonic()
        self.handled = 0
        self.ending = False

    async def serve(self, queue: Queue) -> None:
        """Take rounds until the service ends.

        Args:
            queue: of the agent's channel.
        """
        while not self.ending:
            events = await self._next(queue)
            async with self._busy:
                if not self.ending:
                    await self._round(events)

    async def _next(self, queue: Queue) -> list[Any]:
        """What waits in the queue, at most a batch; nothing after a tick without events."""
        most = (
            self._plan.options.batch_frames
            if self._plan.stage == "observe"
            else self._plan.options.batch_events
        )
        if queue.empty() and not (self._order is not None and self._order.has_more):
            try:
                events = [await asyncio.wait_for(queue.get(), TICK_S)]
            except TimeoutError:
                return []
        else:
            events = []
            await asyncio.sleep(0)
        while len(events) < most and not queue.empty():
            events.append(queue.get_nowait())
        return events

    async def _round(self, events: Sequence[Any]) -> None:
        """Handle what may be handled, and write checkpoints when it is time."""
        messages = [self._received(event) for event in events if self._is_ours(event)]
        if messages and not self._settled:
            await self._settle_in()
        if self._order is not None:
            plays = [message for message in messages if message.place.topic == "plays"]
            await self._handle(plays)
            self._order.read(plays)
            messages = await self._order.admitted([m for m in messages if m.place.topic != "plays"])
        await self._handle(messages)
        if time.monotonic() - self._kept_s >= self._plan.options.checkpoint_every_s:
            await self._keep()

    def _is_ours(self, event: Any) -> bool:
        """Whether an event belongs to the present assignment; the others come again, to whoever has them."""
        message = event.message
        return (
            self._app.flow_control.is_active()
            and message.generation_id == self._app.consumer_generation_id
            and message.offset >= self._reached.get(message.tp, 0)
        )

    def _received(self, event: Any) -> Received:
        message = event.message
        return Received(
            place=Place(
                topic=self._topics[message.topic], partition=message.partition, offset=message.offset
            ),
            key=message.key,
            value=message.value,
            captured_us=captured_us_of(message.headers),
        )

    async def _settle_in(self) -> None:
        """Learn where the newly assigned partitions end and begin."""
        names = self._plan.broker.topics
        tps = [tp for tp in self._app.consumer.assignment() if tp.topic in self._topics]
        ends = await self._app.consumer.highwaters(*tps)
        self._known_until = {(self._topics[tp.topic], tp.partition): end for tp, end in ends.items()}
        if self._order is not None:
            await self._order.settle_in([tp for tp in tps if tp.topic == names.name("plays")])
        self._settled = True

    async def _handle(self, messages: Sequence[Received]) -> None:
        if not messages:
            return
        begun_s = time.perf_counter()
        outgoing = await self._bench.desk.handle(messages)
        self._lease.require()
        await self._outbox.send(outgoing, self._known_until)
        for message in messages:
            tp = TP(self._plan.broker.topics.name(message.place.topic), message.place.partition)
            self._reached[tp] = message.place.offset + 1
        self.handled += len(messages)
        self._measure(messages, time.perf_counter() - begun_s)

    def _measure(self, messages: Sequence[Received], seconds: float) -> None:
        meter = self._plan.meter
        for topic in self._plan.reads:
            count = sum(message.place.topic == topic for message in messages)
            if count:
                meter.count("messages_handled", count, topic=topic)
        meter.observe("batch_seconds", seconds, stage=self._plan.stage)
        meter.gauge("stands", len(self._bench.states), stage=self._plan.stage)

    async def _keep(self) -> None:
        """Outputs acknowledged, then checkpoints acknowledged, then offsets committed."""
        self._kept_s = time.monotonic()
        states, reached = self._bench.states, dict(self._reached)
        if reached == self._committed:
            return
        self._lease.require()
        await self._outbox.acknowledged()
        checkpoints = [
            (stand, partition, states.checkpoint(stand)) for stand, partition in states.changed().items()
        ]
        self._lease.require()
        await self._outbox.keep(checkpoints)
        for stand_id, _, data in checkpoints:
            self._app.states.data[stand_id.encode()] = data
        states.saved()
        offsets = {tp: offset for tp, offset in reached.items() if self._committed.get(tp) != offset}
        if await self._app.offsets.commit_to(offsets):
            self._committed = reached

    async def lags(self) -> dict[tuple[Topic, int], int]:
        """How many events wait in each assigned partition, as the brokers say now."""
        tps = [tp for tp in self._app.consumer.assignment() if tp.topic in self._topics]
        ends = await self._app.consumer.highwaters(*tps) if tps else {}
        return {
            (self._topics[tp.topic], tp.partition): max(0, end - self._begun(tp)) for tp, end in ends.items()
        }

    def _begun(self, tp: TP) -> int:
        return max(self._reached.get(tp, 0), self._app.offsets.committed_of(tp) or 0)

    async def end(self) -> None:
        """Finish the round, write what there is, and take no more."""
        async with self._busy:
            if not self.ending:
                self.ending = True
                await self._keep()

    async def on_revoked(self, revoked: Iterable[TP]) -> None:
        """Partitions go to others: write what there is, unless they are gone already, and forget it."""
        async with self._busy:
            if self._app.offsets.is_member and not self.ending:
                await asyncio.wait_for(self._keep(), self._plan.options.session_timeout_s)
            self._forget(revoked)

    def _forget(self, revoked: Iterable[TP]) -> None:
        for tp in revoked:
            if tp.topic in self._topics:
                topic = self._topics[tp.topic]
                self._plan.meter.count("partitions_changed", topic=topic, change="revoked")
        self._bench.states.forget()
        self._outbox.forget()
        self._reached, self._committed, self._settled = {}, {}, False
        if self._order is not None:
            self._order.forget()

    def on_assigned(self, assigned: Iterable[TP]) -> None:
        """Partitions have come."""
        for tp in assigned:
            if tp.topic in self._topics:
                topic = self._topics[tp.topic]
                self._plan.meter.count("partitions_changed", topic=topic, change="assigned")


class _Order:
    """Observations in the order in which they may enter: after the plays that were published before them."""

    def __init__(self, app: RoleApp, plan: WorkPlan) -> None:
        self._app = app
        self._plays = plan.broker.topics.name("plays")
        self._gate = PlaysFirst()
        self._asked: dict[int, list[Received]] = {}
        self._new: dict[int, list[Received]] = {}
        self._asked_s = 0.0

    @property
    def has_more(self) -> bool:
        """Whether observations wait that only need to be asked for."""
        return any(partition not in self._asked for partition in self._new)

    def forget(self) -> None:
        """The partitions are gone."""
        self._asked, self._new = {}, {}

    async def settle_in(self, tps: Sequence[TP]) -> None:
        """Learn from where the plays are read."""
        consumer = self._app.offsets
        earliest = await consumer.earliest_offsets(*tps)
        begins = {tp.partition: max(earliest.get(tp) or 0, consumer.committed_of(tp) or 0) for tp in tps}
        self._gate.begin(begins)

    def read(self, plays: Sequence[Received]) -> None:
        """Plays have been handled."""
        for play in plays:
            self._gate.read(play.place.partition, play.place.offset + 1)

    async def admitted(self, observations: Sequence[Received]) -> list[Received]:
        """The observations that may enter now.

        Args:
            observations: newly fetched.

        Returns:
            Those whose plays have all been read, in order for each partition; the others are kept.
        """
        for each in observations:
            self._new.setdefault(each.place.partition, []).append(each)
        free = [partition for partition in self._new if partition not in self._asked]
        if free:
            await self._ask(free)
        missing = self._gate.missing()
        if missing and time.monotonic() - self._asked_s > PATIENCE_S:
            await self._doubt(missing)
            missing = self._gate.missing()
        ready = [partition for partition in self._asked if partition not in missing]
        return [each for partition in ready for each in self._asked.pop(partition)]

    async def _ask(self, partitions: Sequence[int]) -> None:
        """Ask where the plays end now: those published before these observations lie before it."""
        ends = await self._app.consumer.highwaters(*(TP(self._plays, partition) for partition in partitions))
        self._gate.want({tp.partition: end for tp, end in ends.items()})
        self._asked_s = time.monotonic()
        for partition in partitions:
            self._asked[partition] = self._new.pop(partition)

    async def _doubt(self, partitions: Iterable[int]) -> None:
        """Offsets without a message (a transaction's marks) are passed over by the consumer, unseen here."""
        for partition in partitions:
            position = await self._app.consumer.position(TP(self._plays, partition))
            if position is not None:
                self._gate.read(partition, position)
        self._asked_s = time.monotonic()
