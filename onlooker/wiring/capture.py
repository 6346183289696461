"""Builds the capture service and runs it: cameras, journal, publisher."""

import logging
import os
import socket
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import msgspec

from onlooker.cameras.lines import complain_of_problems, expected_frames
from onlooker.capture.service import CaptureParts, CaptureService
from onlooker.capture.stand import CapturedStand
from onlooker.capture.summary import CaptureSummary, capture_summary
from onlooker.capture.tally import CaptureTally
from onlooker.foreground.progress import progress
from onlooker.foreground.stopping import stopped_by_signals
from onlooker.settings.configuration import Settings, StandSettings
from onlooker.telemetry import Watch
from onlooker.wiring.lines import camera_lines, camera_sources
from onlooker.wiring.schemas import build_codec
from producers.cameras.event_time import WallClock
from producers.options import Pace
from producers.playlist import PlayFeed
from producers.publish.journal import Journal, StandNote, recording_digest
from producers.publish.pictures import encode_picture
from producers.publish.publisher import KafkaClient
from producers.publish.publishing import Publisher
from schemas.clocks import Clocks
from schemas.errors import UsageError
from sinks.ownership import Ownership

log = logging.getLogger(__name__)


class CaptureRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What `capture` was asked for besides its settings."""

    data_dir: Path | None = None
    stands: tuple[str, ...] = ()
    """Only these; empty: all."""
    pace: Pace = "fast"
    from_start: bool = False


def execute_capture(settings: Settings, request: CaptureRequest, watch: Watch) -> CaptureSummary:
    """Send all cameras of the settings to Kafka until they end or somebody stops it.

    Raises:
        UsageError: Another process captures with this data directory, Kafka refuses us, a setting is wrong.
        DependencyAwayError: No source gave a single frame.
    """
    folder = (request.data_dir or settings.data_dir) / "capture"
    wanted = _wanted(settings, request.stands)
    stop = threading.Event()
    with ExitStack() as stack:
        stack.enter_context(Ownership(folder / "lock"))
        journal = Journal(folder / "journal.json")
        notes = {stand.stand_id: _note(settings, stand, journal, request) for stand in wanted}
        finished = _finished(notes)
        open_stands = [stand for stand in wanted if stand.stand_id not in finished]
        wall = WallClock(Clocks())
        stands = [
            _stand(settings, stand, notes[stand.stand_id], pace=request.pace, wall=wall)
            for stand in open_stands
        ]
        tally = CaptureTally(watch.meter)
        service = CaptureService(
            stands, _parts(settings, journal, watch), tally, options=settings.publish, stop=stop
        )
        interrupted = stack.enter_context(stopped_by_signals(stop))
        if stands:
            with progress("Capturing", total=expected_frames(service.lines), unit="frames") as advance:
                service.run(advance)
            statuses = [line.capture.status() for line in service.lines]
            if not interrupted.is_set() and not any(status.frames for status in statuses):
                complain_of_problems(statuses)
        return capture_summary(
            service.lines,
            tally,
            seconds=service.seconds,
            interrupted=interrupted.is_set(),
            finished=finished,
        )


def _wanted(settings: Settings, names: tuple[str, ...]) -> list[StandSettings]:
    known = [stand.stand_id for stand in settings.stands]
    for name in names:
        if name not in known:
            raise UsageError(f"There is no stand {name!r} in the configuration: it has {', '.join(known)}.")
    return [stand for stand in settings.stands if not names or stand.stand_id in names]


def _note(settings: Settings, stand: StandSettings, journal: Journal, request: CaptureRequest) -> StandNote:
    """What has arrived of a stand before; nothing when the recordings are others or are to be sent again."""
    recordings = {
        source.camera_id: recording_digest(source.spec, source.options)
        for source in camera_sources(settings, stand)
        if source.spec.is_recording
    }
    from_start = request.from_start and recordings
    note = StandNote(recordings=recordings) if from_start else journal.note(stand.stand_id, recordings)
    if note.is_of_the_future(Clocks().now_us()):
        log.warning("%s was captured by a clock that was wrong: its plays begin anew", stand.stand_id)
        note = msgspec.structs.replace(note, first_us=None, until_us=None)
    journal.put(stand.stand_id, note)
    return note


def _finished(notes: Mapping[str, StandNote]) -> tuple[str, ...]:
    """Stands that need nothing any more; each is told."""
    finished = tuple(stand_id for stand_id, note in notes.items() if note.ended)
    for stand_id in finished:
        log.info("%s: its recordings were sent to their end before. To send again: --from-start", stand_id)
    return finished


def _stand(
    settings: Settings, stand: StandSettings, note: StandNote, *, pace: Pace, wall: WallClock
) -> CapturedStand:
    lines = camera_lines(settings, stand, pace, note, wall=wall)
    told = [
        f"{line.camera_id} after frame {note.frames[line.camera_id]}"
        for line in lines
        if line.is_recording and line.camera_id in note.frames
    ]
    if told:
        log.info("%s goes on where Kafka has acknowledged it: %s", stand.stand_id, ", ".join(told))
    feed = PlayFeed(
        stand.playlist,
        stand.stand_id,
        first_us=note.first_us,
        fed_us=None if note.until_us is None else note.until_us + 1,
    )
    return CapturedStand(stand.stand_id, lines, feed, note)


def _parts(settings: Settings, journal: Journal, watch: Watch) -> CaptureParts:
    publish = settings.publish
    return CaptureParts(
        publisher=Publisher(lambda: KafkaClient(settings.kafka, publish, ("frames", "plays")), publish),
        journal=journal,
        codec=build_codec(settings.registry, settings.kafka.topics),
        encode=lambda frame, lossless: encode_picture(frame.picture, publish, lossless=lossless),
        pulse=watch.pulse,
        clock_us=Clocks().now_us,
        producer=f"capture@{socket.gethostname()}:{os.getpid()}",
    )
