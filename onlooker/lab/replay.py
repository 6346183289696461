"""A recording to windows through the embedded core, next to reading the same Avro and nothing else."""

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import click
import fastavro
import msgspec

from onlooker.foreground.terminal import Terminal
from onlooker.lab.stream.figures import Comparison, Run, Sides, side_by_side
from onlooker.lab.stream.input import FRAMES_PER_S, Crowd, traffic
from onlooker.lab.stream.page import comparisons
from onlooker.settings.configuration import Settings
from onlooker.wiring.record_about import manifest_of
from onlooker.wiring.replay_core import build_core
from processors.topology import topic_of
from producers.replay.drive import DriveOptions, ReplayDrive
from producers.replay.order import Choice
from producers.replay.pace import Pauses, ReplayPacer
from producers.replay.shift import Rounds
from schemas.clocks import Clocks
from schemas.events import FaceObservations, Play
from schemas.recording.folder import Recording
from schemas.recording.records import Recorded
from schemas.topics import Topic
from schemas.units import US_PER_S
from sinks.recording.writer import RecordingWriter

STANDS = 10
HOUR_S = 3600
SIDES = Sides(
    ours="recording to windows",
    floor="reading the Avro alone",
    unit="events",
    aim="an hour of ten stands (360,000 events) in under 20 s",
    least_per_s=18_000,
)


class ReplayFound(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured."""

    comparison: Comparison
    events: int
    faces_an_event: float
    size_bytes: int
    """Of the recording's files."""
    hour_of_ten_stands_s: float
    """How long 360,000 events take at the median speed, s."""
    peak_mib: float | None
    """The most memory that this process has held, MiB; None where the system does not say."""


def bench_replay(
    folder: Path | None, *, seconds: int = HOUR_S, repeat: int = 3, say: Callable[[str], None] = click.echo
) -> ReplayFound:
    """Events a second from a recording with observations to visits and windows, on one core.

    Without a folder one is made, of ten stands that report so many seconds.

    Raises:
        UsageError: it is no recording.
    """
    made = tempfile.TemporaryDirectory(prefix="onlooker-bench-") if folder is None else nullcontext(folder)
    with made as at:
        there = Path(at)
        if folder is None:
            say(f"Making a recording of {STANDS} stands and {seconds} s")
            there = there / "recording"
            write_traffic(there, Crowd(stands=STANDS, seconds=seconds))

        def turn(number: int) -> list[tuple[Run, Run]]:
            say(f"Turn {number + 1} of {repeat}")
            floor = _decoded(there)
            return [(_replayed(there), floor)]

        (comparison,) = side_by_side([SIDES], repeat=repeat, turn=turn)
        return _found(Recording(there), comparison)


def write_traffic(folder: Path, crowd: Crowd) -> None:
    """Record at once what the stands of the benchmarks send: the clock goes with the traffic."""
    at_us = 0
    clock = Clocks(now_us=lambda: at_us, monotonic_s=lambda: at_us / US_PER_S)
    with RecordingWriter(folder, manifest_of(Settings(), "run"), clock) as writer:
        for record in _records(crowd):
            at_us = record.arrived_us
            writer.add(record)
            writer.tick()


def _records(crowd: Crowd) -> Iterator[Recorded]:
    offsets: Counter[str] = Counter()
    for event in traffic(crowd):
        topic = topic_of(event)
        at_us = event.start_us if isinstance(event, Play) else event.t_us
        yield Recorded(topic=topic, partition=0, offset=offsets[topic], arrived_us=at_us, event=event)
        offsets[topic] += 1


def _decoded(folder: Path) -> Run:
    """The floor: the library reads every record, and nobody looks at them."""
    recording, counts = Recording(folder), Counter[str]()
    started = time.perf_counter()
    topics: tuple[Topic, ...] = ("observations", "plays")
    for topic in topics:
        for note in recording.files(topic):
            with (folder / note.path).open("rb") as file:
                counts[topic] += sum(1 for _ in fastavro.reader(file))
    seconds = time.perf_counter() - started
    return Run(count=counts["observations"], seconds=seconds, size_bytes=_size_bytes(recording))


def _size_bytes(recording: Recording) -> int:
    files = [*recording.files("observations"), *recording.files("plays")]
    return sum((recording.folder / note.path).stat().st_size for note in files)


def _replayed(folder: Path) -> Run:
    """Ours: the whole of `replay`, without a store."""
    core = build_core(Settings(), "observations", gallery=None, writer=None, expected=None, output=None)
    drive = ReplayDrive(
        Recording(folder),
        DriveOptions(choice=Choice()),
        pacer=ReplayPacer(None, Pauses(threading.Event(), monotonic_s=time.monotonic)),
        rounds=Rounds(None),
        emit=core.emit,
    )
    started = time.perf_counter()
    drive.run()
    core.end(whole=True)
    return Run(count=drive.counts.events["observations"], seconds=time.perf_counter() - started)


def _found(recording: Recording, comparison: Comparison) -> ReplayFound:
    seen = (record.event for record in recording.records("observations"))
    faces = [len(event.faces) for event in seen if isinstance(event, FaceObservations)]
    return ReplayFound(
        comparison=comparison,
        events=len(faces),
        faces_an_event=round(sum(faces) / max(1, len(faces)), 2),
        size_bytes=_size_bytes(recording),
        hour_of_ten_stands_s=round(HOUR_S * STANDS * FRAMES_PER_S / comparison.ours.per_s, 2),
        peak_mib=_peak_mib(),
    )


def _peak_mib() -> float | None:
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    return next((round(int(line.split()[1]) / 1024, 1) for line in lines if line.startswith("VmHWM:")), None)


def print_found(found: ReplayFound) -> None:
    """Print what was measured, for people."""
    out = Terminal(markup=True)
    out.print(comparisons("Replay", [msgspec.to_builtins(found.comparison)]))
    words = (
        f"{found.events} observation events, {found.faces_an_event} faces each, {found.size_bytes} bytes. "
    )
    words += f"An hour of ten stands takes {found.hour_of_ten_stands_s:.1f} s."
    if found.peak_mib is not None:
        words += f" The most memory held by this process: {found.peak_mib:.0f} MiB."
    out.print(words)
