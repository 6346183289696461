"""A role as a service: waits for brokers, runs its application, watches its progress, ends cleanly."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from aiokafka.errors import KafkaError

from processors.runtime.agents.agreement import disagreement, members_of
from processors.runtime.agents.application import REBALANCE_S, build_app
from processors.runtime.agents.asking import ReassignedError
from processors.runtime.agents.ground import Ground
from processors.runtime.agents.incarnations import MissingTopicError, RecreatedError
from processors.runtime.agents.outbox import checkpoints_topic
from processors.runtime.agents.plan import WorkPlan
from processors.runtime.agents.topics import prepare_topics
from processors.runtime.agents.worker import GiveUp, RoleWorker
from processors.runtime.work.lease import Lease
from processors.runtime.work.progress import Progress
from schemas.broker import BrokerOptions
from schemas.clocks import Clocks
from schemas.errors import BrokerAwayError, DependencyAwayError
from schemas.trouble import in_words, trouble_of

log = logging.getLogger(__name__)

WAIT_S = 2.0
"""How long it is waited before brokers that were away are asked again."""
TURN_S = 0.25
LOOK_S = 2.0
"""How often the loop shows that it turns, and asks how much waits."""


def work(plan: WorkPlan, stop: threading.Event, *, give_up: GiveUp) -> None:
    """Run a role until it is asked to stop.

    Args:
        plan: the role.
        stop: set when it shall end.
        give_up: ends the process when the role must not go on: its lease is lost, or it has stalled.

    Raises:
        DependencyAwayError: a topic is missing, or the brokers went away for good.
        UsageError: topics differ, a checkpoint is of another version, or another worker has other options.
        LimitReachedError: too many messages are bad.
    """
    asyncio.run(_work(plan, stop, give_up))


async def _work(plan: WorkPlan, stop: threading.Event, give_up: GiveUp) -> None:
    waited_for: tuple[type[DependencyAwayError], ...] = (BrokerAwayError,)
    while not stop.is_set():
        try:
            incarnations = await _prepared(plan)
            await _agreed(plan, stop)
        except waited_for as error:
            plan.pulse.away("kafka", str(error))
            plan.pulse.beat("work")
            plan.meter.count("retries", dependency="kafka")
            await _pause(stop, WAIT_S, plan.clocks)
            continue
        plan.pulse.away("kafka", None)
        if stop.is_set():
            return
        try:
            await _RoleService(plan, incarnations, stop, give_up).run()
        except RecreatedError as error:
            log.warning("%s", error)
            # Whoever deletes topics makes them anew soon.
            waited_for = (BrokerAwayError, MissingTopicError)
        else:
            return


async def _prepared(plan: WorkPlan) -> Mapping[str, str]:
    names = plan.broker.topics
    return await prepare_topics(
        plan.broker,
        [names.name(topic) for topic in (*plan.stage.reads, *plan.stage.writes, "dead_letters")],
        checkpoints=checkpoints_topic(plan.broker.group(plan.stage.name)),
        checkpoint_bytes=plan.options.checkpoint_bytes,
    )


async def _agreed(plan: WorkPlan, stop: threading.Event) -> None:
    """Wait until nobody with other options is in the group: one that died leaves it with its session.

    Raises:
        BrokerAwayError: no broker answers: worth waiting for.
        UsageError: somebody stays, or the brokers refuse us.
    """
    until_s = plan.clocks.monotonic_s() + plan.options.session_timeout_s + WAIT_S
    group = plan.broker.group(plan.stage.name)
    while not stop.is_set():
        with in_words(plan.broker, KafkaError, OSError, TimeoutError):
            members = await members_of(plan.broker, group)
        trouble = disagreement(plan.stage.name, group, plan.meaning, members)
        if trouble is None:
            return
        if plan.clocks.monotonic_s() >= until_s:
            raise trouble
        plan.pulse.beat("work")
        await _pause(stop, WAIT_S, plan.clocks)


async def _pause(stop: threading.Event, seconds: float, clocks: Clocks) -> None:
    until_s = clocks.monotonic_s() + seconds
    while not stop.is_set() and clocks.monotonic_s() < until_s:
        await asyncio.sleep(0.05)


class _RoleService:
    """One life of a role's application, from joining its group to leaving it."""

    def __init__(
        self, plan: WorkPlan, incarnations: Mapping[str, str], stop: threading.Event, give_up: GiveUp
    ) -> None:
        self._plan = plan
        self._stop = stop
        self._give_up = give_up
        self._failure: BaseException | None = None
        self._begun_s = plan.clocks.monotonic_s()
        self._lease = Lease(plan.options.session_timeout_s, plan.clocks.boot_s)
        self._progress = Progress(plan.options.stall_s, plan.clocks.monotonic_s)
        self._app = build_app(plan, fence=self._fence)
        desk = plan.open_desk(lambda stand_id: self._app.states.data.get(stand_id.encode()))
        ground = Ground(incarnations, checkpoints=checkpoints_topic(self._app.conf.id), meter=plan.meter)
        self._worker = RoleWorker(self._app, plan, desk, ground=ground, lease=self._lease, give_up=give_up)
        self._connect()

    def _connect(self) -> None:
        names = self._plan.broker.topics
        topic = self._app.topic(
            *(names.name(topic) for topic in self._plan.stage.reads),
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
        )

        async def serve(stream: Any) -> None:
            await self._serve(stream.channel.queue)

        async def revoked(_: Any, /, *partitions: Any, **__: Any) -> None:
            await self._worker.on_revoked(*partitions)

        async def assigned(_: Any, /, *partitions: Any, **__: Any) -> None:
            self._worker.on_assigned(*partitions)

        self._app.agent(topic, name=self._plan.stage.name, concurrency=1)(serve)
        self._app.on_partitions_revoked.connect(revoked)
        self._app.on_partitions_assigned.connect(assigned)

    async def _serve(self, queue: Any) -> None:
        try:
            await self._worker.serve(queue)
        except StopAsyncIteration:
            if not self._worker.ending:
                self._fail(DependencyAwayError("Faust ended the stream by itself. Start it again."))
        except asyncio.CancelledError:
            if not self._worker.ending:  # else it is the end, which was told where it went wrong
                raise
        except Exception as error:  # noqa: BLE001 - turned into the exit of the service
            self._fail(error)
            await asyncio.Event().wait()

    def _fence(self) -> None:
        if not self._lease.holds:
            self._give_up(self._lease.words)

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error

    async def run(self) -> None:
        """Start, wait for the end, stop."""
        turning = asyncio.create_task(self._turn())
        looking = asyncio.create_task(self._look())
        starting = asyncio.create_task(self._app.start())
        try:
            with self._watched():
                await self._until_over(starting, turning, looking)
                await self._ended(starting)
        finally:
            for task in (turning, looking, starting):
                task.cancel()
            await asyncio.gather(turning, looking, starting, return_exceptions=True)
        if self._failure is not None:
            raise self._failure

    async def _until_over(self, *tasks: asyncio.Task[Any]) -> None:
        while not self._stop.is_set() and self._failure is None:
            for task in tasks:
                if task.done() and not task.cancelled() and task.exception() is not None:
                    self._fail(_in_words(task.exception(), self._plan.broker))
            if self._app.crashed:
                self._fail(_in_words(self._app.crash_reason, self._plan.broker))
            await asyncio.sleep(0.05)

    async def _ended(self, starting: asyncio.Task[Any]) -> None:
        """Write what there is unless something went wrong, leave the group, but not for ever."""
        if self._failure is None or isinstance(self._failure, RecreatedError):
            try:
                await asyncio.wait_for(self._worker.end(), self._plan.options.stop_s)
            except (TimeoutError, asyncio.CancelledError, KafkaError, DependencyAwayError) as error:
                log.warning(
                    "The last checkpoint could not be written (%s). All up to the one before is committed; "
                    "what was handled since is read again at the next start, and nothing is lost.",
                    _why(error, self._plan.broker),
                )
        self._worker.ending = True
        try:
            await asyncio.wait_for(self._app.stop(), self._plan.options.stop_s)
            await asyncio.wait_for(self._worker.close(), self._plan.options.stop_s)
        except TimeoutError:
            log.warning("Leaving the group took too long; the brokers will notice.")
        except Exception as error:  # noqa: BLE001 - it ends anyway, and all that matters is written
            log.warning("Ending was not clean: %r", error)
        starting.cancel()

    async def _turn(self) -> None:
        """Show that the loop turns."""
        while True:
            self._fence()
            self._lease.renew()
            self._progress.moved((self._worker.handled, self._app.restored))
            self._plan.pulse.beat("work")
            await asyncio.sleep(TURN_S)

    async def _look(self) -> None:
        """Ask whether the topics are there and how much waits; only an answer proves that brokers are."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await asyncio.wait_for(self._worker.look(), 4 * LOOK_S)
                await asyncio.wait_for(self._count_waiting(), 4 * LOOK_S)
            except ReassignedError:
                self._progress.waiting(0)
            except RecreatedError as error:
                self._fail(error)
            except (KafkaError, TimeoutError, OSError) as error:
                self._progress.waiting(0)
                self._plan.pulse.away("kafka", str(trouble_of(error, self._plan.broker)))

    async def _count_waiting(self) -> None:
        if not self._app.consumer.started or self._worker.ending:
            return
        lags = await self._worker.lags()
        for (topic, partition), lag in lags.items():
            self._plan.meter.gauge("consumer_lag", lag, topic=topic, partition=str(partition))
        self._progress.waiting(sum(lags.values()) if self._has_begun() else 1)

    def _has_begun(self) -> bool:
        """Whether partitions are taken from, given that an assignment takes its time."""
        now_s = self._plan.clocks.monotonic_s()
        if self._worker.has_begun:
            self._begun_s = now_s
        return now_s - self._begun_s < REBALANCE_S

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """A watchdog in a thread of its own: a loop that hangs cannot watch itself."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(1.0):
                if words := self._progress.complaint():
                    self._give_up(f"{words} Start it again: it goes on at its last checkpoint.")

        thread = threading.Thread(target=watch, name="watchdog", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()


def _why(error: BaseException, broker: BrokerOptions) -> str:
    """Why the brokers did not take something, in words also for errors that have none."""
    if isinstance(error, KafkaError | TimeoutError | OSError):
        return str(trouble_of(error, broker))
    return str(error) or "the connection to the brokers was given up"


def _in_words(error: BaseException | None, broker: BrokerOptions) -> BaseException:
    """Trouble with the brokers as a sentence; anything else as it is."""
    if isinstance(error, KafkaError | OSError):
        return trouble_of(error, broker)
    return error or DependencyAwayError("The worker ended by itself.")
