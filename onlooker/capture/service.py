"""The capture service: frames of all cameras into Kafka, each after the plays that have begun before it."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

import msgspec

from onlooker.cameras.lines import CameraLine, end_cameras
from onlooker.cameras.watching import trouble
from onlooker.capture.owning import Owners, Owning
from onlooker.capture.stand import CapturedStand, FrameMark
from onlooker.capture.tally import CaptureTally
from producers.cameras.merge import merge_frames
from producers.options import PublishOptions
from producers.publish.in_flight import Message, Settled
from producers.publish.journal import Journal
from producers.publish.pictures import Encoded, frame_captured
from producers.publish.publishing import Publisher
from schemas.errors import BadPictureError, DependencyAwayError
from schemas.events import FrameCaptured, Play, StreamEnded
from schemas.frames import Frame
from schemas.message import About
from schemas.metrics import Pulse
from schemas.ports import EventCodec
from schemas.topics import Topic
from schemas.units import US_PER_S

LOOP = "capture"
_TELL_EVERY_S = 0.25
_WAIT_S = 0.2
_REGISTRY_AGAIN_S = 1.0


class CaptureParts(msgspec.Struct, frozen=True, kw_only=True):
    """What a capture needs of the world."""

    publisher: Publisher
    journal: Journal
    owners: Owners
    codec: EventCodec
    encode: Callable[[Frame, bool], Encoded]
    """A frame's picture; whether it comes of a recording. Raises BadPictureError."""
    pulse: Pulse
    clock_us: Callable[[], int]
    """Wall clock, us UTC."""
    producer: str
    """Who we are, for headers."""


class CaptureService:
    """Drives cameras into a publisher; whoever builds it hands everything over."""

    def __init__(
        self,
        stands: Sequence[CapturedStand],
        parts: CaptureParts,
        tally: CaptureTally,
        *,
        options: PublishOptions,
        stop: threading.Event,
    ) -> None:
        self._stands: Mapping[str, CapturedStand] = {stand.stand_id: stand for stand in stands}
        self._parts = parts
        self._tally = tally
        self._options = options
        self._stop = stop
        self._recordings = {
            (line.stand_id, line.camera_id): line.is_recording for stand in stands for line in stand.lines
        }
        self._owning = Owning(stands, parts.owners, parts.pulse, tally)
        self._told_s = 0.0
        self._noted_s = 0.0
        self.seconds = 0.0

    @property
    def lines(self) -> list[CameraLine]:
        """The cameras of all stands."""
        return [line for stand in self._stands.values() for line in stand.lines]

    def run(self, after_frame: Callable[[int], None]) -> None:
        """Run until every recording has ended and arrived, or `stop` is set.

        Args:
            after_frame: called with 1 after each frame.

        Raises:
            UsageError: Kafka refuses us, or a topic is missing.
            OwnershipLostError: another process has got what was ours.
        """
        started_s = time.perf_counter()
        lines = self.lines
        try:
            buffers = [line.buffer for line in lines]
            with closing(merge_frames(buffers, stop=self._stop, idle=self._idle)) as frames:
                for frame in frames:
                    self._take(frame)
                    after_frame(1)
                    self._idle()
            self._waited(self._is_all_said)
        finally:
            end_cameras(lines)
            self._close()
            self.seconds = time.perf_counter() - started_s

    def _take(self, frame: Frame) -> None:
        """The plays that have begun, then the frame; waits while nobody knows whether the camera is ours."""
        stand = self._stands[frame.stand_id]
        camera = (frame.stand_id, frame.camera_id)
        stand.taken[frame.camera_id] += 1
        if not self._waited(lambda: self._owning.owns_camera(*camera) is not None):
            self._tally.frame_dropped(camera, "stopped")
            return
        if stand.note.first_us is None or frame.setting > stand.feed.setting:
            self._note(stand, first_us=frame.t_us)
        if self._owning.owns_stand(stand):
            self._owning.begun(frame.stand_id, stand.note.first_us or frame.t_us)
        try:
            message = self._frame_message(frame)
        except BadPictureError as error:
            self._tally.frame_dropped(camera, error.cause)
            return
        if message is None or not self._plays_arrived(stand, frame) or not self._offered(message):
            self._tally.frame_dropped(camera, "stopped")

    def _frame_message(self, frame: Frame) -> Message | None:
        encoded = self._parts.encode(frame, self._recordings[frame.stand_id, frame.camera_id])
        mark = FrameMark(
            camera_id=frame.camera_id,
            frame_index=frame.frame_index,
            t_us=frame.t_us,
            captured_s=frame.captured_monotonic_s,
            setting=frame.setting,
        )
        age_us = round((time.monotonic() - frame.captured_monotonic_s) * US_PER_S)
        about = self._about(captured_us=self._parts.clock_us() - age_us)
        return self._message("frames", frame_captured(frame, encoded), about, mark)

    def _plays_arrived(self, stand: CapturedStand, frame: Frame) -> bool:
        """Send the plays that have begun up to a frame and wait for them; False when stopped before."""
        plays = stand.feed.until(frame.t_us, frame.setting) if self._owning.owns_stand(stand) else ()
        if plays:
            before_us = stand.note.played_us
            # After a clock was set back the same plays may come again: the latest one ever counts.
            self._note(stand, played_us=max(before_us or 0, *(play.start_us for play in plays)))
            # Noted before it is sent: whoever comes after a kill knows which plays may be there already.
            self._parts.journal.write()
        for play in plays:
            repeated = stand.follows or (before_us is not None and play.start_us <= before_us)
            message = self._message("plays", play, self._about(repeated=repeated), play)
            if message is None or not self._offered(message):
                return False
            stand.plays_open += 1
        return self._waited(lambda: stand.plays_open == 0)

    def _end_stands(self) -> None:
        """Say of each stand whose recordings have ended that no more will come."""
        for stand in self._stands.values():
            if stand.is_over or self._stop.is_set() or not (stand.has_ended and self._owning.may_end(stand)):
                continue
            stand.is_over = True
            if stand.note.first_us is not None:
                event = StreamEnded(stand_id=stand.stand_id)
                message = self._message("frames", event, self._about(), event)
                stand.is_over = message is not None and self._offered(message)

    def _is_all_said(self) -> bool:
        """Whether all has arrived, the ends of the stands that are ours among it."""
        self._end_stands()
        ours = (stand for stand in self._stands.values() if self._owning.owns_stand(stand))
        return self._parts.publisher.messages_in_flight == 0 and all(stand.is_over for stand in ours)

    def _message(
        self, topic: Topic, event: FrameCaptured | Play | StreamEnded, about: About, mark: object
    ) -> Message | None:
        """An event as a message; None when stopped before its schema was known."""
        while not self._stop.is_set():
            try:
                value = self._parts.codec.encode(event)
            except DependencyAwayError as error:
                self._parts.pulse.away("registry", str(error))
                self._stop.wait(_REGISTRY_AGAIN_S)
                self._tick()
            else:
                return Message(
                    topic=topic,
                    stand_id=event.stand_id,
                    value=value,
                    about=about,
                    mark=mark,
                    waits=self._waits(event),
                )
        return None

    def _waits(self, event: FrameCaptured | Play | StreamEnded) -> bool:
        """Whether an event is of a recording, whose time does not depend on this machine's clock."""
        if isinstance(event, FrameCaptured):
            return self._recordings[event.stand_id, event.camera_id]
        return any(line.is_recording for line in self._stands[event.stand_id].lines)

    def _about(self, *, captured_us: int | None = None, repeated: bool = False) -> About:
        return About(
            producer=self._parts.producer,
            produced_us=self._parts.clock_us(),
            captured_us=captured_us,
            repeated=repeated,
        )

    def _offered(self, message: Message) -> bool:
        """Hand a message over, and wait for room; meanwhile cameras fill their buffers and drop there."""
        return self._waited(lambda: self._parts.publisher.offer(message))

    def _waited(self, is_so: Callable[[], bool]) -> bool:
        """Wait until something is so; False when stopped before."""
        while not is_so():
            if self._stop.is_set():
                return False
            self._parts.publisher.wait(_WAIT_S)
            self._tick()
        return True

    def _idle(self) -> None:
        self._parts.publisher.pump()
        self._end_stands()
        self._tick()

    def _tick(self) -> None:
        """Take note of what has arrived, and show how it goes."""
        self._take_note()
        now_s = time.monotonic()
        if now_s - self._noted_s >= self._options.journal_every_s:
            self._noted_s = now_s
            self._parts.journal.write()
        if now_s - self._told_s >= _TELL_EVERY_S:
            self._told_s = now_s
            self._parts.pulse.beat(LOOP)
            self._owning.look()
            self._parts.pulse.away("kafka", self._parts.publisher.problem)
            for line in self.lines:
                status = line.capture.status()
                if status.phase != "ended":  # a camera that is given up has not come back
                    self._parts.pulse.away(f"camera {line.stand_id}/{line.camera_id}", trouble(status))
            self._tally.tell(self.lines, self._parts.publisher)

    def _take_note(self) -> None:
        for settled in self._parts.publisher.settled():
            self._settle(settled)

    def _settle(self, settled: Settled) -> None:
        message, stand = settled.message, self._stands[settled.message.stand_id]
        if settled.refused is None:
            self._tally.message_published(message.topic, message.size_bytes)
        if isinstance(message.mark, FrameMark):
            self._settle_frame(stand, message.mark, settled.refused)
        elif isinstance(message.mark, Play):
            stand.plays_open -= 1
            if settled.refused is None:
                self._tally.plays += 1
                self._tally.plays_repeated += message.about.repeated
            else:
                self._tally.plays_refused += 1
        elif isinstance(message.mark, StreamEnded):
            self._tally.ended.append(stand.stand_id)
            self._note(stand, ended=True)
            self._parts.journal.write()

    def _settle_frame(self, stand: CapturedStand, mark: FrameMark, refused: str | None) -> None:
        camera = (stand.stand_id, mark.camera_id)
        if refused is None:
            self._tally.frame_published(camera, time.monotonic() - mark.captured_s)
        else:
            self._tally.frame_dropped(camera, refused)
        if mark.setting < stand.setting:
            return
        until_us = stand.note.until_us if mark.setting == stand.setting else None
        stand.setting = mark.setting
        self._note(
            stand,
            until_us=max(mark.t_us, until_us or mark.t_us),
            frames={**stand.note.frames, mark.camera_id: mark.frame_index},
            times_us={**stand.note.times_us, mark.camera_id: mark.t_us},
        )

    def _note(self, stand: CapturedStand, **changes: object) -> None:
        stand.note = msgspec.structs.replace(stand.note, **changes)
        self._parts.journal.put(stand.stand_id, stand.note)

    def _close(self) -> None:
        """Wait a little for what is in flight; count what is left."""
        is_lost = self._owning.is_lost
        left = self._parts.publisher.close(0.0 if is_lost else self._options.flush_s)
        self._take_note()
        self._parts.journal.write()
        for message in left:
            if isinstance(message.mark, FrameMark):
                cause = "not_owner" if is_lost else "unacknowledged"
                self._tally.frame_dropped((message.stand_id, message.mark.camera_id), cause)
        self._tally.tell(self.lines, self._parts.publisher)
