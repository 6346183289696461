"""The recorder: messages of the brokers into a recording, from where it ends, until stopped or far enough."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from schemas.clocks import Clocks
from schemas.errors import DependencyAwayError, UsageError
from schemas.events import FrameCaptured
from schemas.metrics import Meter, Pulse
from schemas.ports import EventCodec
from schemas.recording.manifest import Gap, Grant
from schemas.recording.records import Unreadable
from schemas.topics import Topic
from sinks.recording.reading import recorded_of
from sinks.recording.source import Arrived, Source, TopicPartition
from sinks.recording.writer import RecordingWriter

log = logging.getLogger(__name__)
POLL_S = 0.2
AGAIN_S = 1.0
EXPIRE_EVERY_S = 60.0
Blur = Callable[[FrameCaptured], FrameCaptured | None]
"""A frame with its faces made unrecognisable; None when that is impossible."""


class RecorderPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is recorded."""

    positions: Mapping[TopicPartition, int]
    """Where to begin."""
    ends: Mapping[TopicPartition, int] | None = None
    """Where to stop; None: nowhere."""
    until_us: int | None = None
    """Stop at what arrives later than this, us UTC, once that time has come."""
    keep_us: int | None = None
    """Delete hours that ended longer ago, us; None: none."""
    grant: Grant | None = None
    """Leave to record pictures; None: none is."""


class RecorderParts(msgspec.Struct, frozen=True, kw_only=True):
    """What a recorder works with."""

    source: Source
    codec: EventCodec
    writer: RecordingWriter
    clock: Clocks
    meter: Meter
    pulse: Pulse
    blur: Blur | None = None


class Recorder:
    """Records until told to stop, or until everything that was wanted is there."""

    def __init__(self, parts: RecorderParts, plan: RecorderPlan) -> None:
        self._parts = parts
        self._plan = plan
        self._next = dict(plan.positions)
        self._ends = dict(plan.ends or {})
        self._topics: Mapping[Topic, str] = {}
        self._expired_s: float | None = None
        self.recorded = 0
        """Messages."""

    def run(self, stop: threading.Event) -> None:
        """Record.

        Raises:
            OSError: the disk is full or gone.
            UsageError: the brokers refuse us, or a topic was made anew.
        """
        self._parts.source.begin(self._next)
        self._topics = self._parts.source.topic_ids()
        while not stop.is_set() and not self._is_done():
            self._parts.pulse.beat("record")
            for message in self._polled(stop):
                self._take(message, stop)
            self._parts.writer.tick()
            self._expire()

    def _expire(self) -> None:
        """Look for hours that are old, once a minute."""
        now_s, keep_us = self._parts.clock.monotonic_s(), self._plan.keep_us
        if keep_us is not None and (self._expired_s is None or now_s - self._expired_s >= EXPIRE_EVERY_S):
            self._expired_s = now_s
            self._parts.writer.expire(self._parts.clock.now_us() - keep_us)

    def _polled(self, stop: threading.Event) -> list[Arrived]:
        try:
            found = list(self._parts.source.poll(POLL_S))
        except DependencyAwayError as error:
            self._parts.pulse.away("kafka", str(error))
            self._parts.writer.tick()
            stop.wait(AGAIN_S)
            return []
        self._parts.pulse.away("kafka", None)
        self._require_same()
        return found

    def _require_same(self) -> None:
        present = self._parts.source.topic_ids()
        for topic, known in self._topics.items():
            if present.get(topic, known) != known:
                raise UsageError(f"The topic {topic} was deleted and made again. Name another folder.")

    def _is_done(self) -> bool:
        try:
            return self._has_all()
        except DependencyAwayError as error:
            self._parts.pulse.away("kafka", str(error))
            return False

    def _has_all(self) -> bool:
        until_us, now_us = self._plan.until_us, self._parts.clock.now_us()
        if until_us is not None and now_us > until_us and not set(self._next) <= set(self._ends):
            self._ends = {**self._parts.source.offsets_at(until_us), **self._ends}
        self._end_frames(now_us)
        return all(tp in self._ends and at >= self._ends[tp] for tp, at in self._next.items())

    def _end_frames(self, now_us: int) -> None:
        """Ask for no more pictures once the grant is over."""
        grant = self._plan.grant
        frames = [tp for tp in self._next if tp[0] == "frames"]
        if frames and grant is not None and now_us > grant.until_us:
            ends = self._parts.source.offsets_at(grant.until_us)
            done = [tp for tp in frames if self._next[tp] >= ends[tp]]
            for tp in done:
                del self._next[tp]
            if done:
                log.info("the grant to record pictures is over")
                self._parts.source.begin(self._next)

    def _take(self, message: Arrived, stop: threading.Event) -> None:
        tp = message.tp
        if tp not in self._next:
            return
        if self._plan.until_us is not None and message.arrived_us >= self._plan.until_us:
            self._ends.setdefault(tp, message.offset)
        if message.offset >= self._ends.get(tp, message.offset + 1):
            self._next[tp] = message.offset
            return
        if message.offset < self._next[tp]:
            raise UsageError(
                f"The topic {tp[0]} begins anew at offset {message.offset}: it was deleted and made again. "
                "Name another folder."
            )
        self._notice_gap(message)
        if tp[0] != "frames" or self._may_be_seen(message):
            self._write(message, stop)
        if not stop.is_set():
            self._next[tp] = message.offset + 1

    def _write(self, message: Arrived, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                record = recorded_of(message, self._parts.codec)
                break
            except DependencyAwayError as error:
                self._parts.pulse.away("registry", str(error))
                self._parts.writer.tick()
                stop.wait(AGAIN_S)
        else:
            return
        event = self._shown(record.event) if message.tp[0] == "frames" else record.event
        if event is None:
            self._parts.writer.left_out("not_blurred")
            return
        record = msgspec.structs.replace(record, event=event)
        if self._parts.writer.add(record):
            self.recorded += 1
            self._parts.meter.count("messages_handled", topic=record.topic)

    def _may_be_seen(self, message: Arrived) -> bool:
        grant = self._plan.grant
        allowed = grant is not None and grant.from_us <= message.arrived_us < grant.until_us
        if not allowed:
            self._parts.writer.left_out("frame_without_grant")
        return allowed

    def _shown(self, event: Any) -> Any:
        """A frame as it may be recorded; None: not at all."""
        if self._parts.blur is None:
            return event
        if isinstance(event, Unreadable):
            return None
        return self._parts.blur(event) if isinstance(event, FrameCaptured) else event

    def _notice_gap(self, message: Arrived) -> None:
        """The brokers delete what is old, also before somebody recorded it."""
        (topic, partition), wanted = message.tp, self._next[message.tp]
        if topic != "frames" and message.offset > wanted:
            log.warning(
                "%s partition %s: offsets %s to %s are not there any more",
                topic,
                partition,
                wanted,
                message.offset - 1,
            )
            self._parts.writer.note_gap(
                Gap(
                    topic=topic,
                    partition=partition,
                    first=wanted,
                    end=message.offset,
                    seen_us=self._parts.clock.now_us(),
                )
            )
