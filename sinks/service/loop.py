"""The sink's loop: poll, gather, intent, write, commit; waits for servers, never loses or doubles a row."""

import contextlib
import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Iterator

import msgspec

from schemas.clocks import Clocks
from schemas.errors import BrokerAwayError, DependencyAwayError, LimitReachedError
from schemas.metrics import Meter, Pulse
from sinks.service.backoff import Backoff
from sinks.service.batch_writer import BatchWriter, StoreAwayError, no_collection
from sinks.service.binding import NotBoundError, refuse_changed
from sinks.service.feed import (
    Committed,
    Feed,
    Membership,
    Message,
    NotOwnerError,
    TopicPartition,
)
from sinks.service.gathering import Batch, Gathering
from sinks.service.offsets import Note, commit_of
from sinks.service.options import SinkOptions
from sinks.service.reading import FactReader, Limits, believed
from sinks.service.takeover import bound, starts_of, tell, tell_expired
from sinks.store.identity import Identity

log = logging.getLogger(__name__)
IDLE_S = 0.25
"""How long one poll waits for messages when nothing is due, s."""
LOOK_S = 5.0
"""How often the brokers are asked how much waits, s."""

LEFT = "left without writing what was in hand (%s): all before it is written and committed, it is read again"


class SinkParts(msgspec.Struct, frozen=True, kw_only=True):
    """What a sink is made of."""

    feed: Feed
    reader: FactReader
    writer: BatchWriter
    limits: Limits
    meter: Meter
    pulse: Pulse
    place: str = ""
    """Where the database is, in words for a person."""
    revive: Callable[[], None] | None = None
    """Starts an embedded database again."""
    clocks: Clocks = Clocks()


class Sink:
    """One member of the sink's group."""

    def __init__(self, parts: SinkParts, options: SinkOptions) -> None:
        self._parts = parts
        self._options = options
        self._backoff = Backoff(options.first_wait_s, options.longest_wait_s, parts.clocks.jitter)
        self._membership: Membership | None = None
        self._taken: Membership | None = None
        """The membership whose partitions were taken over."""
        self._database: Identity | None = None
        """That the group was found bound to then."""
        self._gatherings: dict[TopicPartition, Gathering] = {}
        self._unread: deque[tuple[TopicPartition, Message]] = deque()
        self._begun: deque[Batch] = deque()
        """Batches whose intent is committed, in the order to write them."""
        self._sealed: list[Batch] = []
        """Batches whose intent is not committed yet."""
        self._done: dict[TopicPartition, Committed] = {}
        """What is written and not yet committed."""
        self._away: set[str] = set()
        self._looked_s = -LOOK_S

    def run(self, stop: threading.Event) -> None:
        """Work until asked to stop, then write what is in hand and leave the group.

        Raises:
            LimitReachedError: too many messages were set aside; nothing of them is committed.
            UsageError: a server refuses us.
            CheckFailedError: the brokers have lost messages.
        """
        try:
            while not stop.is_set():
                self.turn()
            self.finish()
        finally:
            self._parts.feed.close()

    def turn(self) -> None:
        """Go round once: hear from the group, and do what can be done now."""
        self._parts.pulse.beat("sink")
        wait_s = self._backoff.wait_s(self._parts.clocks.monotonic_s())
        try:
            self._hear(min(IDLE_S, wait_s) if self._backoff.waiting else self._idle_s())
            if not self._backoff.wait_s(self._parts.clocks.monotonic_s()):
                with no_collection():
                    self._advance(everything=False)
                self._recovered()
        except NotOwnerError as error:
            log.warning("%s", error)
            self._drop()
        except DependencyAwayError as error:
            self._failed(error)

    def finish(self) -> None:
        """Write and commit what is in hand, if the servers are there; what is not is read again by others."""
        try:
            if self._membership is not None and not self._backoff.waiting:
                self._advance(everything=True)
            elif self._away:
                log.warning(LEFT, f"{' and '.join(sorted(self._away))} did not answer")
        except (NotOwnerError, DependencyAwayError) as error:
            log.warning(LEFT, error)

    def _idle_s(self) -> float:
        if self._sealed or self._begun or self._done or self._unread:
            return 0.0
        due = [s for g in self._gatherings.values() if (s := g.due_in_s) is not None]
        return max(0.0, min([IDLE_S, *due]))

    def _hear(self, wait_s: float) -> None:
        feed = self._parts.feed
        if self._backoff.waiting:
            feed.pause()
        found = feed.poll(wait_s)
        membership = feed.membership()
        if membership != self._membership or membership is None:
            if self._gatherings:
                log.info("the group is formed anew: what is in hand is read again")
            self._drop()
            self._membership = membership
            if membership is not None and not membership.incarnations:
                log.info("owns no partition: others do, or the topics are missing (`onlooker topics check`)")
            return
        for tp, messages in found.items():
            if tp in self._gatherings:
                self._unread.extend((tp, message) for message in messages)

    def _advance(self, *, everything: bool) -> None:
        if self._membership is None:
            return
        if self._taken is None:
            self._take_over(self._membership)
            return
        self._read()
        self._write()
        self._begin(everything=everything)
        self._write()
        self._look()

    def _take_over(self, membership: Membership) -> None:
        """Find out where to go on with each partition; what was polled before is polled again."""
        parts = self._parts
        self._gatherings = {}
        self._database = Identity(id=parts.writer.database(), place=parts.place)
        bound(membership, parts.feed, parts.writer.written, self._database)
        parts.pulse.about("database", str(self._database))
        starts = starts_of(membership, parts.feed, parts.writer.written)
        for tp, start in starts.items():
            tell(parts.meter, tp, start)
            parts.feed.seek(tp, start.read_from)
        self._gatherings = {
            tp: Gathering(
                tp,
                membership.incarnations[tp],
                start,
                options=self._options,
                clock=parts.clocks.monotonic_s,
            )
            for tp, start in starts.items()
        }
        parts.feed.resume()
        self._taken = membership
        begun = sum(gathering.healing for gathering in self._gatherings.values())
        words = "owns %s partitions, ends %s batches that were begun, writes to the database %s"
        log.info(words, len(starts), begun, self._database)

    def _read(self) -> None:
        now_us = self._parts.clocks.now_us()
        while self._unread:
            tp, message = self._unread[0]
            gathering = self._gatherings[tp]
            if message.offset < gathering.reached:
                raise NotOwnerError(f"{tp[0]}:{tp[1]} goes on at an offset it had passed: begin again")
            if message.offset > gathering.reached:
                self._tell_gap(tp, gathering.reached, message.offset)
            entry = self._parts.reader.read(tp, message, now_us, incarnation=gathering.incarnation)
            gathering.add(entry)
            self._unread.popleft()

    def _tell_gap(self, tp: TopicPartition, reached: int, offset: int) -> None:
        """Offsets without a message hold none, or retention took it before it was read."""
        begin = self._parts.feed.bounds([tp])[tp].begin
        if begin > reached:
            tell_expired(self._parts.meter, tp, min(begin, offset) - reached)

    def _begin(self, *, everything: bool) -> None:
        """Seal what is due and commit the intents, all in one request."""
        if not self._sealed:
            self._sealed = [*self._seal(everything=everything)]
        intents = {
            batch.tp: self._commit(batch, batch.lo, hi=batch.hi, at_us=batch.at_us)
            for batch in self._sealed
            if not batch.healed
        }
        if intents:
            self._parts.feed.commit(intents)
        self._begun.extend(self._sealed)
        self._sealed = []

    def _seal(self, *, everything: bool) -> Iterator[Batch]:
        now_us = self._parts.clocks.now_us()
        for tp, gathering in self._gatherings.items():
            if gathering.healing:
                gathering.passed(self._parts.feed.position(tp))
            due_s = gathering.due_in_s
            batch = gathering.take(now_us) if due_s is not None and (everything or due_s <= 0) else None
            if batch is not None:
                entries = believed(batch.entries, tp, batch.at_us, incarnation=batch.incarnation)
                self._parts.limits.took(tp, entries)
                yield msgspec.structs.replace(batch, entries=entries)

    def _commit(self, batch: Batch, offset: int, *, hi: int | None = None, at_us: int = 0) -> Committed:
        note = Note(hi=hi, at_us=at_us, topic=batch.incarnation, database=self._database)
        return commit_of(offset, note)

    def _write(self) -> None:
        if self._begun and self._database is not None:
            refuse_changed(self._parts.feed.group, self._database, self._parts.writer.database())
        while self._begun:
            batch = self._begun[0]
            self._parts.writer.write(batch)
            self._parts.pulse.beat("sink")
            self._begun.popleft()
            self._done[batch.tp] = self._commit(batch, batch.hi)
        if self._done:
            self._parts.feed.commit(self._done)
            self._done = {}

    def _drop(self) -> None:
        """Let go of all that is in hand: nothing of it is committed, whoever owns it reads it again."""
        for topic, partition in self._gatherings:
            self._parts.meter.count("partitions_changed", topic=topic, change="taken")
            self._parts.meter.gauge("consumer_lag", math.nan, topic=topic, partition=str(partition))
        self._parts.limits.forget()
        self._membership = self._taken = None
        self._gatherings, self._sealed, self._done = {}, [], {}
        self._begun.clear()
        self._unread.clear()

    def _look(self) -> None:
        """Now and then ask how much waits, and so whether the brokers are there."""
        now_s = self._parts.clocks.monotonic_s()
        if not self._gatherings or now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        for tp, bounds in self._parts.feed.bounds(sorted(self._gatherings)).items():
            lag = max(0, bounds.end - self._gatherings[tp].lo)
            self._parts.meter.gauge("consumer_lag", lag, topic=tp[0], partition=str(tp[1]))

    def _failed(self, error: DependencyAwayError) -> None:
        name = _dependency(error)
        self._backoff.failed(self._parts.clocks.monotonic_s())
        self._parts.meter.count("retries", dependency=name)
        self._parts.pulse.away(name, str(error))
        self._away.add(name)
        self._looked_s = -LOOK_S  # that nothing had to be asked is no sign that it is back
        if name == "clickhouse" and self._parts.revive is not None:
            with contextlib.suppress(DependencyAwayError, LimitReachedError):
                self._parts.revive()

    def _recovered(self) -> None:
        if not self._backoff.waiting or self._membership is None:
            return
        self._backoff.succeeded()
        for name in self._away:
            self._parts.pulse.away(name, None)
        self._away.clear()
        self._parts.feed.resume()


def _dependency(error: DependencyAwayError) -> str:
    if isinstance(error, NotBoundError):
        return "binding"
    if isinstance(error, BrokerAwayError):
        return "kafka"
    return "clickhouse" if isinstance(error, StoreAwayError) else "registry"
