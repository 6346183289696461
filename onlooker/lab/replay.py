"""A recording to windows through the local core, next to reading the same Avro and nothing else."""

import io
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click
import fastavro
import msgspec

from onlooker.lab.stream.figures import Asked, Comparison, Names, Run, compare
from onlooker.lab.stream.input import Crowd, traffic
from onlooker.settings.configuration import Settings
from onlooker.wiring.record_about import manifest_of
from onlooker.wiring.replay_core import build_core
from processors.topology import topic_of
from producers.replay.drive import DriveOptions, ReplayDrive
from producers.replay.order import Choice
from producers.replay.pace import Pauses, ReplayPacer
from producers.replay.shift import Rounds
from schemas.events import FaceObservations, Play
from schemas.recording.folder import Recording
from schemas.recording.records import Recorded
from sinks.recording.writer import RecordingWriter

STANDS = 10
HOUR_S = 3600
AIM = Asked(words="an hour of ten stands (360,000 events) in under 20 s", per_s=18_000)
_MIB = 1024


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


class _Tape:
    """Stands still in time where the traffic wants it: a clock for writing a recording at once."""

    def __init__(self) -> None:
        self.at_us = 0

    def now_us(self) -> int:
        return self.at_us

    def monotonic_s(self) -> float:
        return self.at_us / 1e6


def bench_replay(
    folder: Path | None, *, seconds: int = HOUR_S, repeat: int = 3, say: Callable[[str], None] = click.echo
) -> ReplayFound:
    """Events a second from a recording to visits and windows, on one core.

    Args:
        folder: a recording with observations; None: one of ten stands is made for it.
        seconds: how long the stands of that one report, s.
        repeat: turns; each measures the floor and ours.
        say: takes what is being done.

    Returns:
        The comparison.

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
        turns = []
        for number in range(repeat):
            say(f"Turn {number + 1} of {repeat}")
            turns.append((_decoded(there), _replayed(there)))
        return _found(there, turns)


def write_traffic(folder: Path, crowd: Crowd) -> None:
    """Record what the stands of the benchmarks send.

    Args:
        folder: where to.
        crowd: how many, for how long.
    """
    clock = _Tape()
    with RecordingWriter(folder, manifest_of(Settings(), "run"), clock) as writer:
        for record in _records(crowd):
            clock.at_us = record.arrived_us
            writer.add(record)
            writer.tick()


def _records(crowd: Crowd) -> Iterator[Recorded]:
    offsets: dict[str, int] = {}
    for event in traffic(crowd):
        topic = topic_of(event)
        offset = offsets.get(topic, 0)
        offsets[topic] = offset + 1
        at_us = event.start_us if isinstance(event, Play) else event.t_us
        yield Recorded(topic=topic, partition=0, offset=offset, arrived_us=at_us, event=event)


def _decoded(folder: Path) -> Run:
    """The floor: the library reads every record, and nobody looks at them."""
    recording = Recording(folder)
    started, count, size_bytes = time.perf_counter(), 0, 0
    for topic in ("observations", "plays"):
        for note in recording.files(topic):
            with (folder / note.path).open("rb") as file:
                count += sum(1 for _ in fastavro.reader(file)) if topic == "observations" else _skim(file)
                size_bytes += file.seek(0, io.SEEK_END)
    return Run(count=count, seconds=time.perf_counter() - started, size_bytes=size_bytes)


def _skim(file: Any) -> int:
    for _ in fastavro.reader(file):
        pass
    return 0


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


def _found(folder: Path, turns: list[tuple[Run, Run]]) -> ReplayFound:
    floor, ours = zip(*turns, strict=True)
    names = Names(ours="recording to windows", floor="reading the Avro alone", unit="events")
    comparison = compare(names, ours=ours, floor=floor, asked=AIM)
    events, faces = _content(folder)
    return ReplayFound(
        comparison=comparison,
        events=events,
        faces_an_event=round(faces / max(1, events), 2),
        size_bytes=floor[0].size_bytes or 0,
        hour_of_ten_stands_s=round(HOUR_S * STANDS * 10 / comparison.ours.per_s, 2),
        peak_mib=_peak_mib(),
    )


def _content(folder: Path) -> tuple[int, int]:
    """How many observations there are, and how many faces in them."""
    events = faces = 0
    for record in Recording(folder).records("observations"):
        if isinstance(record.event, FaceObservations):
            events += 1
            faces += len(record.event.faces)
    return events, faces


def _peak_mib() -> float | None:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    held = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    return round(held[0] / _MIB, 1) if held else None


def print_found(found: ReplayFound) -> None:
    """Print what was measured, for people.

    Args:
        found: it.
    """
    ours, floor = found.comparison.ours, found.comparison.floor
    click.echo(
        f"{found.events} observation events, {found.faces_an_event} faces each, {found.size_bytes} bytes"
    )
    click.echo(
        f"recording to windows    {ours.per_s:>9,.0f} events/s"
        f"  ({ours.lowest_per_s:,.0f}-{ours.highest_per_s:,.0f})"
    )
    click.echo(
        f"reading the Avro alone  {floor.per_s:>9,.0f} events/s"
        f"  ({floor.lowest_per_s:,.0f}-{floor.highest_per_s:,.0f}), ours {found.comparison.share:.2f} of it"
    )
    reached = "reached" if found.comparison.holds else "MISSED"
    click.echo(f"aim: {AIM.words}: {found.hour_of_ten_stands_s:.1f} s, {reached}")
    if found.peak_mib is not None:
        click.echo(f"most memory held by this process: {found.peak_mib:.0f} MiB")
