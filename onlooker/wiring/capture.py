"""Builds the capture service and runs it: cameras, journal, publisher."""

import logging
import os
import socket
import threading
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec

from onlooker.cameras.lines import complain_of_problems, expected_frames
from onlooker.capture.owning import OwnershipLostError
from onlooker.capture.service import CaptureParts, CaptureService
from onlooker.capture.stand import CapturedStand
from onlooker.capture.summary import CaptureSummary, capture_summary
from onlooker.capture.tally import CaptureTally
from onlooker.foreground.progress import progress
from onlooker.foreground.stopping import stopped_by_signals
from onlooker.settings.configuration import Settings, StandSettings
from onlooker.telemetry import Watch
from onlooker.wiring.lines import camera_lines, camera_sources
from onlooker.wiring.owners import build_keeper
from onlooker.wiring.schemas import build_codec
from producers.brokers.topics import Topics
from producers.cameras.event_time import WallClock
from producers.options import Pace
from producers.owners.keeper import Keeper
from producers.playlist import PlayFeed
from producers.publish.journal import Journal, StandNote, recording_digest
from producers.publish.pictures import encode_picture
from producers.publish.publisher import KafkaClient
from producers.publish.publishing import Publisher
from schemas.clocks import Clocks
from schemas.errors import DependencyAwayError, UsageError
from schemas.topics import Topic
from sinks.ownership import Ownership

log = logging.getLogger(__name__)
SENT: tuple[Topic, ...] = ("frames", "plays")


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
    lock = _folder(settings, request) / "lock"
    wanted = _wanted(settings, request.stands)
    stop = threading.Event()
    with ExitStack() as stack:
        stack.enter_context(Ownership(lock))
        stack.enter_context(stopped_by_signals(stop))
        keeper = build_keeper(settings, wanted, lock)
        stack.callback(keeper.close)
        while True:
            try:
                return _captured(settings, request, watch, keeper, stop)
            except OwnershipLostError as error:
                log.warning("%s It begins anew, and stands by where another is the owner.", error)
                request = msgspec.structs.replace(request, from_start=False)


def _captured(
    settings: Settings, request: CaptureRequest, watch: Watch, keeper: Keeper, stop: threading.Event
) -> CaptureSummary:
    """Send the cameras until they end, it is stopped, or another owns what was ours."""
    journal = Journal(_folder(settings, request) / "journal.json")
    wanted = _wanted(settings, request.stands)
    topics = _topics(settings)
    notes = {stand.stand_id: _note(settings, stand, journal, request, topics) for stand in wanted}
    finished = _finished(notes)
    open_stands = [stand for stand in wanted if stand.stand_id not in finished]
    wall = WallClock(Clocks())
    stands = [
        _stand(settings, stand, notes[stand.stand_id], pace=request.pace, wall=wall) for stand in open_stands
    ]
    tally = CaptureTally(watch.meter)
    parts = _parts(settings, journal, watch, keeper)
    service = CaptureService(stands, parts, tally, options=settings.publish, stop=stop)
    if stands:
        keeper.start()
        with progress("Capturing", total=expected_frames(service.lines), unit="frames") as advance:
            service.run(advance)
        statuses = [line.capture.status() for line in service.lines]
        if not stop.is_set() and not any(status.frames for status in statuses):
            complain_of_problems(statuses)
    return capture_summary(
        service.lines, tally, seconds=service.seconds, interrupted=stop.is_set(), finished=finished
    )


def _folder(settings: Settings, request: CaptureRequest) -> Path:
    return (request.data_dir or settings.data_dir) / "capture"


def _wanted(settings: Settings, names: tuple[str, ...]) -> list[StandSettings]:
    known = [stand.stand_id for stand in settings.stands]
    for name in names:
        if name not in known:
            raise UsageError(f"There is no stand {name!r} in the configuration: it has {', '.join(known)}.")
    return [stand for stand in settings.stands if not names or stand.stand_id in names]


def _topics(settings: Settings) -> Mapping[str, str]:
    """What the brokers call our topics now; nothing while they are away."""
    names = [settings.kafka.topics.name(topic) for topic in SENT]
    try:
        with closing(Topics(settings.kafka, patience_s=1.0)) as door:
            return door.ids(names)
    except DependencyAwayError:
        return {}


def _note(
    settings: Settings,
    stand: StandSettings,
    journal: Journal,
    request: CaptureRequest,
    topics: Mapping[str, str],
) -> StandNote:
    """What has arrived of a stand before; nothing when the recordings are others or are to be sent again."""
    recordings = {
        source.camera_id: recording_digest(source.spec, source.options)
        for source in camera_sources(settings, stand)
        if source.spec.is_recording
    }
    from_start = request.from_start and recordings
    if from_start:
        note = StandNote(recordings=recordings, topics=dict(topics))
    else:
        note = journal.note(stand.stand_id, recordings, topics)
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


def _parts(settings: Settings, journal: Journal, watch: Watch, keeper: Keeper) -> CaptureParts:
    publish, may_send = settings.publish, keeper.gate()
    return CaptureParts(
        publisher=Publisher(lambda: KafkaClient(settings.kafka, publish, SENT, may_send=may_send), publish),
        journal=journal,
        owners=keeper,
        codec=build_codec(settings.registry, settings.kafka.topics),
        encode=lambda frame, lossless: encode_picture(frame.picture, publish, lossless=lossless),
        pulse=watch.pulse,
        clock_us=Clocks().now_us,
        producer=f"capture@{socket.gethostname()}:{os.getpid()}",
    )
