"""One role at work: takes events unacknowledged, sends what follows, writes checkpoints, then commits."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from aiokafka.errors import IllegalStateError
from faust.types import TP

from processors.runtime.agents.agreement import disagreement
from processors.runtime.agents.application import RoleApp
from processors.runtime.agents.asking import Asking, ReassignedError
from processors.runtime.agents.ground import Ground
from processors.runtime.agents.order import order_of
from processors.runtime.agents.outbox import Outbox
from processors.runtime.agents.plan import Desk, WorkPlan
from processors.runtime.agents.reach import Reach
from processors.runtime.agents.rereading import Rereading
from processors.runtime.work.lease import Lease
from processors.runtime.work.traffic import Place, Received
from schemas.message import captured_us_of
from schemas.topics import Topic

TICK_S = 0.1
"""A worker without events looks around so often."""

GiveUp = Callable[[str], None]
"""Ends the process at once with a sentence; nothing more is sent."""
Queue = asyncio.Queue[Any]
"""Where Faust puts what it fetched."""


class RoleWorker:
    """Drives a desk from Faust's queue; one round at a time, and never two at once."""

    def __init__(
        self, app: RoleApp, plan: WorkPlan, desk: Desk, *, ground: Ground, lease: Lease, give_up: GiveUp
    ) -> None:
        self._app = app
        self._plan = plan
        self._desk = desk
        self._ground = ground
        self._lease = lease
        self._give_up = give_up
        self._outbox = Outbox(app, plan)
        self._asking = Asking(app, plan.broker, plan.meter, plan.pulse)
        self._names = {plan.broker.topics.name(topic): topic for topic in plan.stage.reads}
        self._busy = asyncio.Lock()
        self._order = order_of(plan, self._asking)
        self._most = plan.options.amounts(plan.stage.takes).batch
        self._reach = Reach()
        self._rereading = Rereading(app, plan.clocks.monotonic_s)
        self._known_until: dict[tuple[Topic, int], int] = {}
        self._begun = False
        self._agreed = False
        """Once it has begun beside others it goes on, whoever comes."""
        self._kept_s = plan.clocks.monotonic_s()
        self._queue: Queue | None = None
        self.handled = 0
        self.ending = False

    async def serve(self, queue: Queue) -> None:
        """Take rounds until the service ends.

        Raises:
            LimitReachedError: too many messages are bad, or a state has grown too large.
            UsageError: a checkpoint is of another version, or others of the group have other options.
            DependencyAwayError: events were lost on their way here.
            RecreatedError: a topic was deleted: all begins anew.
        """
        self._queue = queue
        while not self.ending:
            events = await self._next(queue)
            async with self._busy:
                if not self.ending:
                    await self._round(events)

    async def _next(self, queue: Queue) -> list[Any]:
        """What waits in the queue, at most a batch; nothing after a tick without events."""
        most = self._most
        events: list[Any] = []
        if self._order is not None and (rest_s := self._order.rest_s) is not None:
            await asyncio.sleep(rest_s)
        elif queue.empty():
            try:
                events.append(await asyncio.wait_for(queue.get(), TICK_S))
            except TimeoutError:
                return []
        else:
            await asyncio.sleep(0)
        while len(events) < most and not queue.empty():
            events.append(queue.get_nowait())
        return events

    async def _round(self, events: Sequence[Any]) -> None:
        """Handle what may be handled, and write checkpoints when it is time."""
        try:
            if not self._begun:
                # What came before is read again from where it should be.
                await self._begin()
                return
            messages = [self._received(event.message) for event in events if self._is_ours(event.message)]
            taken = [each for each in messages if self._reach.take(self._tp(each), each.place.offset)]
            if taken or not (self._order is None or self._order.is_empty):
                # Asked after they have come: only then does the answer say in which topic they lay.
                names = self._ground.incarnations
                self._ground.require_same(await self._asking.incarnations(names))
            await self._rereading.ask_for(self._reach.missing())
            await self._handle(await self._ordered(taken))
        except (ReassignedError, IllegalStateError):
            return
        if self._plan.clocks.monotonic_s() - self._kept_s >= self._plan.options.checkpoint_every_s:
            await self._keep()

    async def _ordered(self, messages: Sequence[Received]) -> Sequence[Received]:
        """The messages that may enter now; those that the others wait for have entered already."""
        if self._order is None:
            return messages
        first = [message for message in messages if message.place.topic == self._order.topic]
        await self._handle(first)
        self._order.read(first)
        return await self._order.admitted(
            [each for each in messages if each.place.topic != self._order.topic]
        )

    def _is_ours(self, message: Any) -> bool:
        """Whether a message belongs to the present assignment; others come again, to whoever has them."""
        return (
            self._app.flow_control.is_active()
            and message.generation_id == self._app.consumer_generation_id
            and not self._reach.has(message.tp, message.offset)
        )

    def _received(self, message: Any) -> Received:
        topic = self._names[message.topic]
        return Received(
            place=Place(
                topic=topic,
                partition=message.partition,
                offset=message.offset,
                incarnation=self._ground.incarnations[message.topic],
            ),
            key=message.key,
            value=message.value,
            captured_us=captured_us_of(message.headers),
        )

    def _tp(self, message: Received) -> TP:
        return TP(self._plan.broker.topics.name(message.place.topic), message.place.partition)

    def _assigned(self) -> list[TP]:
        return [tp for tp in self._app.consumer.assignment() if tp.topic in self._names]

    async def _begin(self) -> None:
        """Learn where the newly assigned partitions begin and end, and begin there.

        Faust empties its queues after it has gone to the committed offsets, and leaves a partition without
        one where it stands: what it had fetched by then would be lost.
        """
        tps = self._assigned()
        if self._app.rebalancing or not tps:
            return
        if not self._agreed:
            # Two that started at once saw nobody before they joined.
            members = await self._asking.members()
            if trouble := disagreement(self._plan.stage.name, self._app.conf.id, self._plan.meaning, members):
                raise trouble
            self._agreed = True
        ends, begins = await self._asking.ends(tps), await self._asking.begins(tps)
        commits = await self._asking.committed(tps)
        self._known_until = {(self._names[tp.topic], tp.partition): end for tp, end in ends.items()}
        self._desk.states.begin(self._known_until)
        firsts = self._ground.firsts(tps, self._names, begins=begins, ends=ends, commits=commits)
        self._reach.begin(firsts)
        if self._order is not None:
            self._order.begin(firsts)
        await self._app.offsets.read_from(firsts)
        self._begun = True

    @property
    def has_begun(self) -> bool:
        """Whether the worker takes events of its partitions, or has none."""
        return self._begun or not (self._app.rebalancing or self._assigned())

    async def _handle(self, messages: Sequence[Received]) -> None:
        if not messages:
            return
        clock_s = self._plan.clocks.monotonic_s
        begun_s = clock_s()
        outgoing = await self._desk.handle(messages)
        self._lease.require()
        await self._outbox.send(outgoing, self._known_until)
        for message in messages:
            self._reach.handle(self._tp(message), message.place.offset)
        self.handled += len(messages)
        self._measure(messages, clock_s() - begun_s)

    def _measure(self, messages: Sequence[Received], seconds: float) -> None:
        meter, stage = self._plan.meter, self._plan.stage
        for topic in stage.reads:
            if count := sum(message.place.topic == topic for message in messages):
                meter.count("messages_handled", count, topic=topic)
        meter.observe("batch_seconds", seconds, stage=stage.name)
        meter.gauge("stands", len(self._desk.states), stage=stage.name)

    async def _keep(self) -> None:
        """Outputs acknowledged, then checkpoints acknowledged, then offsets committed."""
        self._kept_s = self._plan.clocks.monotonic_s()
        offsets, states = self._reach.uncommitted(), self._desk.states
        if not offsets or self._ground.has_no_checkpoints:
            return
        self._lease.require()
        await self._outbox.acknowledged()
        kept = [(stand, partition, states.checkpoint(stand)) for stand, partition in states.changed().items()]
        self._lease.require()
        await self._outbox.keep(kept)
        for stand_id, _, data in kept:
            self._app.states.data[stand_id.encode()] = data
        states.saved()
        offsets = {tp: offset for tp, offset in offsets.items() if tp.topic not in self._ground.gone}
        if await self._app.offsets.commit_to(offsets, self._ground.incarnations):
            self._reach.commit(offsets)

    async def look(self) -> None:
        """See whether the topics are still there, also while partitions are being assigned.

        Raises:
            RecreatedError: one was deleted.
            KafkaError: no broker answers.
        """
        self._ground.require_same(await self._asking.incarnations_now(self._ground.incarnations))

    async def lags(self) -> dict[tuple[Topic, int], int]:
        """How many events wait in each assigned partition, as the brokers say now."""
        tps = self._assigned()
        # Who has no partition asks about any: it has to know whether the brokers answer.
        ends = await self._asking.ends(tps or [TP(min(self._names), 0)])
        is_idle = self._queue is not None and self._queue.empty() and not self._busy.locked()
        if is_idle and (self._order is None or self._order.is_empty):
            # What is fetched is handled: the consumer also passes over offsets that have no event.
            reached = await self._asking.positions(tps)
        else:
            reached = {tp: self._reach.reached(tp) for tp in tps}
        return {
            (self._names[tp.topic], tp.partition): max(0, end - reached.get(tp, end))
            for tp, end in ends.items()
            if tp in tps
        }

    async def end(self) -> None:
        """Finish the round, write what there is, and take no more."""
        async with self._busy:
            if not self.ending:
                self.ending = True
                await self._keep()

    async def close(self) -> None:
        """Hang up; called last."""
        await self._asking.close()

    async def on_revoked(self, revoked: Iterable[TP]) -> None:
        """Partitions go to others: write what there is, unless they are gone already, and forget it.

        Args:
            revoked: all partitions, those too that will come back.
        """
        async with self._busy:
            if self._app.offsets.is_member:
                if not self.ending:
                    await asyncio.wait_for(self._keep(), self._plan.options.session_timeout_s)
            elif self._outbox.has_unacknowledged:
                # Others have the partitions, and what lies in the producer cannot be called back.
                self._give_up(
                    "The group went on without this worker, which had not been heard. Start it again."
                )
            self._forget(revoked)

    def _forget(self, revoked: Iterable[TP]) -> None:
        self._changed(revoked, "taken")
        self._desk.forget()
        self._outbox.forget()
        self._reach = Reach()
        self._begun = False
        if self._order is not None:
            self._order.begin({})

    def on_assigned(self, assigned: Iterable[TP]) -> None:
        """Partitions have come."""
        self._changed(assigned, "given")

    def _changed(self, tps: Iterable[TP], change: str) -> None:
        for tp in tps:
            if tp.topic in self._names:
                self._plan.meter.count("partitions_changed", topic=self._names[tp.topic], change=change)
