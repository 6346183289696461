"""Builds the recorder: topics of the brokers into a recording, from where it ends."""

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import msgspec

from onlooker.recordings.times import instant_us
from onlooker.settings.configuration import Settings
from onlooker.telemetry import Watch
from onlooker.wiring.record_about import frame_hiding, grant_of, manifest_of
from onlooker.wiring.schemas import build_codec
from schemas.clocks import Clocks
from schemas.errors import UsageError
from schemas.kinds import kinds
from schemas.recording.manifest import Break, Grant
from schemas.topics import Topic
from sinks.recording.feed import KafkaSource
from sinks.recording.loop import Recorder, RecorderParts, RecorderPlan
from sinks.recording.source import TopicPartition
from sinks.recording.writer import RecordingWriter
from sinks.service.feed import Bounds

log = logging.getLogger(__name__)


class RecordRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What `record` was asked for besides its settings."""

    folder: Path
    topics: tuple[Topic, ...] = ()
    since: str | None = None
    """A time, an offset, or `begin`."""
    until: str | None = None
    """A time or an offset."""
    frames_for_us: int | None = None
    reason: str | None = None
    blur_faces: bool = False
    keep_us: int | None = None
    """Delete hours that ended longer ago; None: keep all."""


class RecordSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The object of `record --json`."""

    folder: str
    recorded: int
    """Messages."""
    left_out: Mapping[str, int]
    """Messages that were not recorded, by cause."""
    gaps: int
    breaks: tuple[Break, ...]


def execute_record(
    settings: Settings, request: RecordRequest, watch: Watch, stop: threading.Event
) -> RecordSummary:
    """Record until stopped, or until the range is complete.

    Raises:
        UsageError: a choice makes no sense, or the recording is of other topics.
        DependencyAwayError: the brokers do not answer, or a model is missing.
    """
    clock = Clocks()
    grant = _grant(request, clock.now_us())
    topics = _topics(request, grant)
    broker = settings.kafka
    blur = frame_hiding(settings) if request.blur_faces else None
    with closing(KafkaSource(broker, topics)) as source:
        about = manifest_of(settings, "kafka", source.topic_ids())
        with RecordingWriter(request.folder, about, clock, _pulse_of(stop)) as writer:
            positions = _positions(source, writer, request, grant)
            writer.note_begins(positions)
            if grant is not None:
                writer.note_grant(grant)
            codec = build_codec(settings.registry, broker.topics)
            parts = RecorderParts(
                source=source,
                codec=codec,
                writer=writer,
                clock=clock,
                meter=watch.meter,
                pulse=watch.pulse,
                blur=blur,
            )
            recorder = Recorder(parts, _plan(source, positions, request, grant))
            _tell(request, positions, writer)
            recorder.run(stop)
        return _summary(request, recorder, writer)


def _pulse_of(stop: threading.Event) -> Callable[[], None]:
    """What ends the reading of earlier files when somebody stops the recorder before it has begun."""

    def pulse() -> None:
        if stop.is_set():
            raise KeyboardInterrupt

    return pulse


def _summary(request: RecordRequest, recorder: Recorder, writer: RecordingWriter) -> RecordSummary:
    return RecordSummary(
        folder=str(request.folder),
        recorded=recorder.recorded,
        left_out=writer.manifest.left_out,
        gaps=len(writer.manifest.gaps),
        breaks=writer.manifest.breaks,
    )


def _tell(request: RecordRequest, positions: Mapping[TopicPartition, int], writer: RecordingWriter) -> None:
    for torn in writer.manifest.breaks[-1:]:
        log.warning("an earlier recorder was killed: %s bytes of %s dropped", torn.dropped_bytes, torn.path)
    places = ", ".join(f"{topic}/{number} from {at}" for (topic, number), at in sorted(positions.items()))
    log.info("recording into %s: %s", request.folder, places)


def _grant(request: RecordRequest, now_us: int) -> Grant | None:
    since = request.since
    if request.frames_for_us is not None and since is not None and _is_place(since):
        raise UsageError("Pictures are granted by time: with --frames-for say --from TIME, or nothing.")
    from_us = now_us if since is None or _is_place(since) else instant_us(since)
    return grant_of(request.frames_for_us, request.reason, from_us=from_us, blur=request.blur_faces)


def _topics(request: RecordRequest, grant: Grant | None) -> tuple[Topic, ...]:
    plain = kinds().topics(lambda kind: kind.recorded == "always")
    wanted = request.topics or (*plain, *(("frames",) if grant is not None else ()))
    if "dead_letters" in wanted:
        raise UsageError(
            "dead_letters is not recorded: nobody knows what a letter holds. See `dead-letters list`."
        )
    if ("frames" in wanted) != (grant is not None):
        raise UsageError(
            "Pictures are recorded only for a time and a reason: with --topic frames say --frames-for and "
            "--reason, and the other way round."
        )
    return tuple(dict.fromkeys(wanted))


def _positions(
    source: KafkaSource, writer: RecordingWriter, request: RecordRequest, grant: Grant | None
) -> Mapping[TopicPartition, int]:
    """Where each partition is gone on with, or begun."""
    bounds = source.bounds()
    fresh = _begins(source, bounds, request.since)
    granted = {} if grant is None else source.offsets_at(grant.from_us)
    found = {}
    for tp, limits in bounds.items():
        topic, number = tp
        noted = writer.manifest.begins.get(f"{topic}/{number}")
        known = writer.positions.get(tp, noted)
        if known is not None and known > limits.end:
            raise UsageError(
                f"{request.folder} has more of {topic} partition {number} than the brokers: the topic was "
                "made anew. Name another folder."
            )
        found[tp] = fresh[tp] if known is None else known
        if topic == "frames":
            found[tp] = max(granted[tp], writer.positions.get(tp, 0))
    return found


def _begins(
    source: KafkaSource, bounds: Mapping[TopicPartition, Bounds], since: str | None
) -> Mapping[TopicPartition, int]:
    if since is None:
        return {tp: limits.end for tp, limits in bounds.items()}
    if since == "begin":
        return {tp: limits.begin for tp, limits in bounds.items()}
    if since.isdigit():
        return {tp: min(max(int(since), each.begin), each.end) for tp, each in bounds.items()}
    return source.offsets_at(instant_us(since))


def _plan(
    source: KafkaSource,
    positions: Mapping[TopicPartition, int],
    request: RecordRequest,
    grant: Grant | None,
) -> RecorderPlan:
    until = request.until
    ends: Mapping[TopicPartition, int] | None = None
    until_us = None
    if until is not None and (until == "now" or until.isdigit()):
        bounds = source.bounds()
        ends = {tp: each.end if until == "now" else min(int(until), each.end) for tp, each in bounds.items()}
    elif until is not None:
        until_us = instant_us(until)
    return RecorderPlan(
        positions=positions, ends=ends, until_us=until_us, keep_us=request.keep_us, grant=grant
    )


def _is_place(words: str) -> bool:
    """Whether words name an offset and not a time."""
    return words == "begin" or words.isdigit()
