"""The Faust application of one role: its settings, and a producer that is idempotent and fenced."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import aiokafka
import faust
import msgspec
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    UnknownTopicOrPartitionError,
)
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.services import WaitResults

from processors.runtime.agents.agreement import client_of
from processors.runtime.agents.connection import credentials_of, urls_of
from processors.runtime.agents.plan import WorkPlan

Fence = Callable[[], None]
"""Called before anything is sent to a broker; does not return when sending is no longer allowed."""

REQUEST_S = 15.0
"""How long a broker may take to answer: longer than a session, as Faust wants it."""
REBALANCE_S = 60.0
"""How long the members of a group may take to agree on who has which partition."""
PRODUCER_BYTES = 5_242_880
"""The largest message: a dead letter holds one of `frames` whole."""
TABLE = "states"
log = logging.getLogger(__name__)


class Committed(msgspec.Struct, frozen=True, kw_only=True):
    """What a group has committed for a partition."""

    offset: int
    """Of the next event."""
    incarnation: str
    """Which topic of that name it counts in; empty: whoever committed it did not say."""


class FencedProducer(aiokafka.AIOKafkaProducer):  # type: ignore[misc]
    """A producer whose batches, also those that lie ready, pass the fence one by one."""

    def __init__(self, *, fence: Fence, **settings: Any) -> None:
        super().__init__(**settings)
        send = self.client.send

        def fenced(*args: Any, **kwargs: Any) -> Any:
            fence()
            return send(*args, **kwargs)

        self.client.send = fenced


class Producer(driver.Producer):
    """Faust's producer, idempotent: a message that a dying broker took is not written again."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    def _new_producer(self, transactional_id: str | None = None) -> aiokafka.AIOKafkaProducer:
        assert transactional_id is None, "no transactions here"
        assert isinstance(self.app, RoleApp)
        settings = {**self._settings_default(), **self._settings_auth(), **self._settings_extra()}
        return FencedProducer(fence=self.app.fence, **settings)


class NothingRead(dict[TP, int | None]):
    """What Faust has read, forgotten: it would leave out what is read again after it had been dropped.

    The worker knows what it has taken, and leaves out the rest itself.
    """

    def __getitem__(self, tp: TP) -> None:
        """Nothing, of any partition."""
        return


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's thread of the consumer, which ends well also where the brokers have just gone."""

    async def on_thread_stop(self) -> None:
        """Hang up."""
        try:
            await super().on_thread_stop()
        except asyncio.CancelledError:
            # aiokafka waits for fetches that it has cancelled: between two attempts one ends in this.
            task = asyncio.current_task()
            if self._consumer is None or (task is not None and task.cancelling()):
                raise
            await self._consumer._client.close()


class Consumer(driver.Consumer):
    """Faust's consumer; offsets are committed as they are told, not gathered from acknowledgements."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_offset = NothingRead()

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Nothing: it guesses from acknowledgements why a stream is slow; the watchdog measures progress."""

    async def wait_first(self, *coros: Any, timeout: Any = None) -> WaitResults:
        """Wait for the first of some things.

        Faust makes four tasks for every message to notice a change of assignment while it hands the message
        over. Where nothing can make it wait the message is handed over at once, for a third of the cost.
        """
        if len(coros) == 2 and self._is_free:
            handing_over, suspending = coros
            suspending.close()
            await handing_over
            return WaitResults([handing_over], [None], False)
        return await super().wait_first(*coros, timeout=timeout)

    @property
    def _is_free(self) -> bool:
        app = self.app
        assert isinstance(app, RoleApp)
        return self.flow_active and app.flow_control.is_active() and not app.is_full

    @property
    def is_member(self) -> bool:
        """Whether the group still counts this consumer in, as far as it has been told."""
        coordinator = self._thread._ensure_consumer()._coordinator
        return bool(coordinator.generation != driver.DEFAULT_GENERATION_ID)

    async def committed(self, tps: Iterable[TP]) -> dict[TP, Committed]:
        """What the group has committed, asked of the brokers: Faust learns it only after the first events.

        Args:
            tps: assigned partitions.

        Returns:
            The offset of the next event by partition; those without a commit are left out.
        """
        ask = self._thread._ensure_consumer()._coordinator.fetch_committed_offsets
        wanted = [driver.ensure_aiokafka_TP(tp) for tp in tps]
        found = await self._thread.call_thread(ask, wanted)
        return {
            TP(tp.topic, tp.partition): Committed(offset=each.offset, incarnation=each.metadata or "")
            for tp, each in found.items()
        }

    async def read_from(self, offsets: Mapping[TP, int]) -> None:
        """Go to offsets: of the next event to come, in assigned partitions."""
        await self._thread.call_thread(self._go_to, offsets)

    async def _go_to(self, offsets: Mapping[TP, int]) -> None:
        consumer = self._thread._ensure_consumer()
        for tp, offset in offsets.items():
            consumer.seek(driver.ensure_aiokafka_TP(tp), offset)

    async def commit_to(self, offsets: Mapping[TP, int], incarnations: Mapping[str, str]) -> bool:
        """Commit offsets: of the next event of each partition, with which topic of its name that is in.

        Returns:
            False when the group has moved on without this consumer.
        """
        wanted = {
            driver.ensure_aiokafka_TP(tp): OffsetAndMetadata(offset, incarnations[tp.topic])
            for tp, offset in offsets.items()
            if tp in self.assignment()
        }
        if not await self._thread.call_thread(self._commit_noted, wanted):
            return False
        self._committed_offset.update(offsets)
        return True

    async def _commit_noted(self, wanted: Mapping[Any, OffsetAndMetadata]) -> bool:
        """Faust's own way notes nothing with an offset."""
        try:
            await self._thread._ensure_consumer().commit(wanted)
        except UnknownTopicOrPartitionError:
            log.debug("a topic is gone: nothing is left in it to go on with", exc_info=True)
        except CommitFailedError:
            return False
        except (KafkaError, IllegalStateError) as error:
            await self._thread.crash(error)
            return False
        return True


class Transport(driver.Transport):
    """Faust's way to Kafka with the consumer and producer from here."""

    Consumer: ClassVar[type[driver.Consumer]] = Consumer
    Producer: ClassVar[type[driver.Producer]] = Producer


class RoleApp(faust.App):
    """A Faust application that makes no folders and sends nothing past its fence."""

    fence: Fence
    states: Any
    """The table of checkpoints: bytes by stand."""

    @property
    def offsets(self) -> Consumer:
        """The consumer, which knows and commits offsets."""
        assert isinstance(self.consumer, Consumer)
        return self.consumer

    @property
    def is_full(self) -> bool:
        """Whether a message would have to wait for room in a queue."""
        return any(topic.queue.full() for topic in self.topics)

    @property
    def restored(self) -> int:
        """How far the checkpoints have been read: grows while they are."""
        offsets = self.tables.recovery.active_offsets  # type: ignore[attr-defined]
        return sum(offset or 0 for offset in offsets.values())

    def _create_directories(self) -> None:
        """The states live in memory and in the brokers."""

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)


def build_app(plan: WorkPlan, *, fence: Fence) -> RoleApp:
    """The application of a role, not started.

    Returns:
        An app whose id is its consumer group.
    """
    # Faust's services speak under the name of the module that their class is from: this one.
    logging.getLogger(__name__).setLevel(logging.WARNING)
    app = RoleApp(plan.broker.group(plan.stage.name), env={}, **_settings(plan))
    app.fence = fence
    app.states = app.Table(TABLE, key_type=bytes, value_type=bytes)
    return app


def _settings(plan: WorkPlan) -> dict[str, Any]:
    """Faust's settings of a role."""
    stage, broker, options = plan.stage, plan.broker, plan.options
    amounts = options.amounts(stage.takes)
    return {
        "broker": urls_of(broker),
        "broker_client_id": client_of(stage.name, plan.meaning),
        "broker_credentials": credentials_of(broker),
        "broker_session_timeout": options.session_timeout_s,
        "broker_heartbeat_interval": options.session_timeout_s / 3,
        "broker_request_timeout": max(REQUEST_S, options.session_timeout_s),
        "broker_rebalance_timeout": REBALANCE_S,
        "broker_max_poll_records": amounts.poll,
        "consumer_auto_offset_reset": "earliest",
        "stream_buffer_maxsize": amounts.buffer,
        "stream_wait_empty": False,
        "producer_acks": -1,
        "producer_max_batch_size": 65_536,
        "producer_max_request_size": PRODUCER_BYTES,
        "topic_disable_leader": True,
        "topic_allow_declare": False,
        "table_standby_replicas": 0,
        "store": "memory://",
        "web_enabled": False,
        "worker_redirect_stdouts": False,
    }
