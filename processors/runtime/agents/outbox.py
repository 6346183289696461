"""What a role sends: to the partition that its cause came from, acknowledged before anything is committed."""

import asyncio
from collections.abc import Mapping, Sequence

from processors.runtime.agents.application import TABLE, RoleApp
from processors.runtime.agents.plan import WorkPlan
from processors.runtime.work.traffic import Outgoing
from schemas.errors import LimitReachedError
from schemas.message import About
from schemas.topics import Topic
from schemas.units import US_PER_S

MOST_UNACKNOWLEDGED = 20_000
"""Messages on their way to the brokers; more wait here until these have arrived."""

Places = Mapping[tuple[Topic, int], int]
"""An offset of each input topic and partition."""


def checkpoints_topic(group: str) -> str:
    """The topic of a role's checkpoints, as Faust names the changelog of a table by consumer group."""
    return f"{group}-{TABLE}-changelog"


class Outbox:
    """Sends through Faust's producer and remembers what has not been acknowledged.

    Args:
        app: a started application.
        plan: the role.
    """

    def __init__(self, app: RoleApp, plan: WorkPlan) -> None:
        self._app = app
        self._plan = plan
        self._names = plan.broker.topics
        self._pending: list[asyncio.Future[object]] = []

    async def send(self, messages: Sequence[Outgoing], known_until: Places) -> None:
        """Hand messages to the producer.

        Args:
            messages: in the order in which they shall arrive.
            known_until: what follows from events before these offsets may have been sent before.
        """
        now_us = self._plan.clocks.now_us()
        for message in messages:
            cause = message.cause
            about = About(
                producer=self._plan.instance,
                produced_us=now_us,
                captured_us=message.captured_us,
                repeated=cause.offset < known_until.get((cause.topic, cause.partition), 0),
            )
            await self._hand(self._names.name(message.topic), message, about)
            if message.captured_us is not None:
                latency_s = max(0, now_us - message.captured_us) / US_PER_S
                self._plan.meter.observe("latency_seconds", latency_s, topic=message.topic)
        if len(self._pending) > MOST_UNACKNOWLEDGED:
            await self.acknowledged()

    async def _hand(self, topic: str, message: Outgoing, about: About) -> None:
        sent = await self._app.producer.send(
            topic=topic,
            key=message.key,
            value=message.value,
            partition=message.partition,
            timestamp=None,
            headers=about.headers(),
        )
        self._pending.append(asyncio.ensure_future(sent))

    @property
    def has_unacknowledged(self) -> bool:
        """Whether something is still on its way to the brokers."""
        return not all(future.done() for future in self._pending)

    async def acknowledged(self) -> None:
        """Wait until the brokers have all that was sent."""
        pending, self._pending = self._pending, []
        await asyncio.gather(*pending)

    async def keep(self, checkpoints: Sequence[tuple[str, int, bytes]]) -> None:
        """Write checkpoints and wait until the brokers have them.

        Args:
            checkpoints: stand, partition, bytes.

        Raises:
            LimitReachedError: one is larger than the topic takes.
        """
        topic, futures = checkpoints_topic(self._app.conf.id), []
        for stand_id, partition, data in checkpoints:
            if len(data) > self._plan.options.checkpoint_bytes - 1024:
                raise LimitReachedError(
                    f"The state of the stand {stand_id!r} takes {len(data)} bytes: more than may be kept. "
                    f"Raise `work.checkpoint_bytes`, and `max.message.bytes` of {topic}."
                )
            sent = await self._app.producer.send(
                topic=topic,
                key=stand_id.encode(),
                value=data,
                partition=partition,
                timestamp=None,
                headers=None,
            )
            futures.append(asyncio.ensure_future(sent))
        await asyncio.gather(*futures)
        self._plan.meter.count("checkpoints_written", len(checkpoints), stage=self._plan.stage.name)

    def forget(self) -> None:
        """The partitions are gone: what was sent for them is no longer waited for."""
        for future in self._pending:
            future.cancel()
        self._pending = []
