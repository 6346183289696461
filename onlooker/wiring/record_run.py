"""Records what passes through a run in one process: its topics as Kafka would have them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from onlooker.recordings.times import duration_us
from onlooker.settings.configuration import Settings
from onlooker.wiring.record_about import face_hiding, grant_of, manifest_of
from processors.runtime.local import Delivery
from producers.publish.pictures import encode_picture, frame_captured
from schemas.clocks import Clocks
from schemas.errors import BadPictureError, UsageError
from schemas.events import FrameCaptured
from schemas.frames import Frame
from schemas.ports import Pixels
from schemas.recording.manifest import NAME, Grant
from schemas.recording.records import Recorded
from sinks.recording.writer import RecordingWriter


class RunRecording(msgspec.Struct, frozen=True, kw_only=True):
    """What `run` was asked to record."""

    folder: Path
    frames_for: str | None = None
    reason: str | None = None
    blur_faces: bool = False


@contextmanager
def recording_run(settings: Settings, asked: RunRecording) -> Iterator["RunRecorder"]:
    """A recording of a run, begun and ended with the block.

    Raises:
        UsageError: the folder holds a recording already, or pictures are asked for without time or reason.
    """
    clock = Clocks()
    period_us = None if asked.frames_for is None else duration_us(asked.frames_for)
    grant = grant_of(period_us, asked.reason, from_us=clock.now_us(), blur=asked.blur_faces)
    if (asked.folder / NAME).exists():
        raise UsageError(f"{asked.folder} holds a recording already: name another folder for this run.")
    with RecordingWriter(asked.folder, manifest_of(settings, "run"), clock) as writer:
        recorder = RunRecorder(settings, writer, clock, grant)
        if grant is not None:
            writer.note_grant(grant)
        yield recorder


class RunRecorder:
    """Takes every event of a run; pictures only with a grant."""

    def __init__(
        self, settings: Settings, writer: RecordingWriter, clock: Clocks, grant: Grant | None
    ) -> None:
        self._publish = settings.publish
        self._writer = writer
        self._clock = clock
        self._grant = grant
        self._hide = face_hiding(settings) if grant is not None and grant.faces_blurred else None

    def deliver(self, delivery: Delivery) -> None:
        """Record an event; without a grant frames are passed over.

        Raises:
            OSError: the disk is full or gone.
        """
        event, now_us = delivery.event, self._clock.now_us()
        if isinstance(event, Frame):
            if self._grant is None or now_us >= self._grant.until_us:
                return
            event = self._encoded(event)
        if event is not None:
            self._writer.add(
                Recorded(
                    topic=delivery.topic, partition=0, offset=delivery.offset, arrived_us=now_us, event=event
                )
            )
        self._writer.tick()

    def _encoded(self, frame: Frame) -> FrameCaptured | None:
        """A frame as it would travel, without loss; None when no message could hold it."""
        picture: Pixels = frame.picture if self._hide is None else self._hide(frame.picture)
        try:
            found = encode_picture(picture, self._publish, lossless=True)
        except BadPictureError as error:
            self._writer.left_out(error.cause)
            return None
        return frame_captured(frame, found)
