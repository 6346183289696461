"""Builds a replay: a recording into the local core, or into Kafka under a prefix of its own."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import click
import msgspec

from onlooker.foreground.pausing import controlled
from onlooker.foreground.stopping import stopped_by_signals
from onlooker.recordings.expect import Expected
from onlooker.recordings.replayed import Replayed, ReplayedHere, ReplayedToKafka
from onlooker.settings.configuration import Settings
from onlooker.settings.flags import Flags, Server
from onlooker.settings.judgement import judge
from onlooker.settings.precedence import in_force
from onlooker.wiring.database import open_writer
from onlooker.wiring.replay_core import build_core
from onlooker.wiring.schemas import build_codec
from producers.brokers.plan import plan_topics, wanted_topics
from producers.brokers.topics import Topics
from producers.publish.publisher import KafkaClient
from producers.publish.publishing import Publisher
from producers.replay.drive import DriveOptions, ReplayDrive
from producers.replay.order import Choice
from producers.replay.pace import Pauses, ReplayPacer
from producers.replay.send import ReplaySender, Sending, replayed_topics
from producers.replay.shift import Rounds
from schemas.broker import BrokerOptions
from schemas.clocks import Clocks
from schemas.errors import SettingError, UsageError
from schemas.files import naming
from schemas.recording.folder import Range, ReadingStoppedError, Recording
from schemas.topics import Prefix, Topic

MEASURING = ("stands", "detection", "observe", "traits", "identity", "measure")
"""The sections of a configuration that say how is measured; a recording's own are believed."""


class ReplayRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What `replay` was asked for besides its settings."""

    folder: Path
    topic: Topic = "observations"
    stands: tuple[str, ...] = ()
    from_us: int | None = None
    until_us: int | None = None
    speed: float | None = None
    """Of event time; None: as fast as may be."""
    loop: bool = False
    leave_open: bool = False
    shift_to_now: bool = False
    to_kafka: bool = False
    prefix: str | None = None
    bootstrap: str | None = None
    data_dir: Path | None = None
    """Of an embedded database for what is measured; None: it is not stored."""
    expect: Path | None = None
    output: Path | None = None
    gallery: Path | None = None


class _Replaying(msgspec.Struct, frozen=True, kw_only=True):
    """What every replay needs."""

    request: ReplayRequest
    recording: Recording
    pauses: Pauses
    stop: threading.Event

    def drive(self, emit: Callable[[Topic, Any], None]) -> ReplayDrive:
        """The replay into whatever takes its events."""
        request = self.request
        choice = Choice(
            topic=request.topic,
            stands=frozenset(request.stands),
            within=Range(from_us=request.from_us, until_us=request.until_us),
        )
        return ReplayDrive(
            self.recording,
            DriveOptions(choice=choice, loop=request.loop, leave_open=request.leave_open),
            pacer=ReplayPacer(request.speed, self.pauses),
            rounds=Rounds(Clocks().now_us if request.shift_to_now else None, loop=request.loop),
            emit=emit,
        )


def execute_replay(settings: Settings | None, request: ReplayRequest) -> Replayed:
    """Replay a recording until its end or until it is stopped; without settings, with those of its making.

    Raises:
        UsageError: it is no recording, a choice makes no sense, or Kafka refuses us.
        CheckFailedError: a file is damaged, or the output is not as expected.
        DependencyAwayError: a model or a server is away.
    """
    stop = threading.Event()
    recording = Recording(request.folder, tell_torn, pulse_of(stop))
    require_topic(recording, request.topic)
    servers: tuple[Server, ...] = ("kafka", "registry") if request.to_kafka else ()
    flags = Flags(bootstrap=request.bootstrap, data_dir=request.data_dir)
    settings = in_force(settings or settings_of(recording), os.environ, flags, servers=servers)
    pauses = Pauses(stop, monotonic_s=time.monotonic)
    replaying = _Replaying(request=request, recording=recording, pauses=pauses, stop=stop)
    with stopped_by_signals(stop) as interrupted, controlled(pauses):
        started = time.perf_counter()
        found = _to_kafka(settings, replaying) if request.to_kafka else _to_core(settings, replaying)
        seconds = time.perf_counter() - started
        return msgspec.structs.replace(
            found,
            seconds=round(seconds, 3),
            events_per_second=round(sum(found.events.values()) / seconds, 1) if seconds > 0 else 0.0,
            interrupted=interrupted.is_set(),
        )


def require_topic(recording: Recording, topic: Topic) -> None:
    """Complain when a recording holds nothing of a topic.

    Raises:
        UsageError: it does not.
    """
    if topic not in recording.topics:
        there = ", ".join(recording.topics) or "nothing"
        raise UsageError(f"{recording.folder} has no {topic}: it holds {there}.")


def settings_of(recording: Recording) -> Settings:
    """How a recording was measured: its stands and thresholds, all else as it is by default.

    A recording may come from anybody: it never says where to connect, whose passwords to send, which files to
    open or how much memory to take.

    Raises:
        UsageError: they are of another version of this program.
    """
    said = recording.manifest.configuration or {}
    try:
        found = msgspec.convert(said, Settings, dec_hook=_path_of)
        found = Settings(**{name: getattr(found, name) for name in MEASURING})
        judge(found)
    except (msgspec.ValidationError, SettingError) as error:
        raise UsageError(
            f"The configuration in {recording.folder} is not one of this program ({error}): name one with "
            "--config."
        ) from error
    return found


def _path_of(kind: type, value: object) -> object:
    return Path(cast(str, value)) if kind is Path else value


def _to_core(settings: Settings, replaying: _Replaying) -> ReplayedHere:
    request = replaying.request
    with ExitStack() as stack:
        writer = None if request.data_dir is None else stack.enter_context(open_writer(settings))
        expected = None if request.expect is None else Expected(request.expect, frozenset(request.stands))
        output = None if request.output is None else stack.enter_context(_written(request.output))
        core = build_core(
            settings, request.topic, writer=writer, expected=expected, output=output, gallery=request.gallery
        )
        drive = replaying.drive(core.emit)
        drive.run()
        core.end(whole=not replaying.stop.is_set())
        return ReplayedHere(
            events=drive.counts.events,
            facts=core.digest.counts,
            unreadable=drive.counts.unreadable,
            bad_pictures=core.bad_pictures,
            rounds=drive.counts.rounds,
            digest=core.digest.facts(),
            digests=core.digest.by_topic(),
            expected=None if request.expect is None else str(request.expect),
            data_dir=None if request.data_dir is None else str(request.data_dir),
        )


@contextmanager
def _written(path: Path) -> Iterator[BinaryIO]:
    """A file that is closed at the end, when a full disk shows at the latest."""
    with path.open("wb") as file:
        yield file
        with naming(path):
            file.flush()


def _to_kafka(settings: Settings, replaying: _Replaying) -> ReplayedToKafka:
    request = replaying.request
    broker = _apart(settings, request, replaying.recording)
    with closing(Topics(broker)) as door:
        wanted = list(wanted_topics(settings.topics, broker.topics, brokers=door.brokers()))
        door.create(plan_topics(wanted, door.found([topic.name for topic in wanted])))
    publish = settings.publish
    sender = ReplaySender(
        Sending(
            publisher=Publisher(lambda: KafkaClient(broker, publish, replayed_topics()), publish),
            codec=build_codec(settings.registry, broker.topics),
            producer=f"replay@{socket.gethostname()}:{os.getpid()}",
            clock_us=Clocks().now_us,
            stopped=replaying.stop.is_set,
        )
    )
    drive = replaying.drive(sender.emit)
    try:
        drive.run()
    finally:
        sender.close()
    return ReplayedToKafka(
        events=drive.counts.events,
        unreadable=drive.counts.unreadable,
        rounds=drive.counts.rounds,
        prefix=request.prefix,
        bootstrap=broker.bootstrap,
    )


def recorded_prefix(recording: Recording) -> str:
    """The prefix of the topics that a recording was made from, as far as it says so."""
    said = recording.manifest.configuration
    kafka = said.get("kafka") if isinstance(said, dict) else None
    return str(kafka.get("prefix", "")) if isinstance(kafka, dict) else ""


def _apart(settings: Settings, request: ReplayRequest, recording: Recording) -> BrokerOptions:
    """The brokers under a prefix that is neither the site's nor that of what was recorded."""
    broker = settings.kafka
    live = {broker.prefix, recorded_prefix(recording)}
    if not request.prefix or request.prefix in live:
        theirs = " and ".join(map(repr, sorted(live)))
        raise UsageError(
            "A replay must not mix with live figures: name a --prefix of its own, other than the site's and "
            f"that of the topics which were recorded ({theirs})."
        )
    if request.topic not in replayed_topics():
        raise UsageError(f"{request.topic} cannot be sent again: choose {', '.join(replayed_topics())}.")
    try:
        prefix = msgspec.convert(request.prefix, Prefix)
    except msgspec.ValidationError as error:
        raise UsageError(f"--prefix {request.prefix}: letters, digits, `_` and `-` only.") from error
    return msgspec.structs.replace(broker, prefix=prefix)


def pulse_of(stop: threading.Event) -> Callable[[], None]:
    """What ends the reading of a recording, also of what is not replayed, once it is stopped."""

    def pulse() -> None:
        if stop.is_set():
            raise ReadingStoppedError("stopped")

    return pulse


def tell_torn(path: Path, dropped_bytes: int) -> None:
    """Say that the end of a file is left out."""
    click.echo(f"{path} ends in a torn block: its last {dropped_bytes} bytes are left out.", err=True)
