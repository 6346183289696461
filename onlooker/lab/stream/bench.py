"""`bench stream`: what each part of the services costs, next to its floor in the same run."""

import os
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
from kafka.errors import KafkaError
from rich.console import Console
from rich.markup import escape

from onlooker.lab.stream.agent import bench_faust
from onlooker.lab.stream.density import bench_density
from onlooker.lab.stream.figures import Comparison
from onlooker.lab.stream.latency import bench_latency
from onlooker.lab.stream.measure import bench_measure
from onlooker.lab.stream.publish import bench_publish
from onlooker.lab.stream.sink import bench_sink
from onlooker.lab.stream.site import QUICK, Amounts, Say, Site, Work
from onlooker.settings.configuration import Settings
from schemas.broker import BrokerOptions
from schemas.errors import DependencyAwayError, UsageError

Part = Literal["publish", "faust", "measure", "sink", "latency", "density"]
PARTS: tuple[Part, ...] = get_args(Part)
BUSY = 0.5
"""Load a core from which on other work matters."""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What the figures were taken on."""

    cpu: str
    cores: int
    """That this process may use."""
    system: str
    load_before: float
    """Processes that wanted a core in the last minute before: other work is noise."""
    load_after: float


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was measured; a part that was not asked for is missing."""

    machine: Machine
    repeat: int
    seconds: float
    parts: dict[Part, Any]


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """A part that could not be measured; the others were."""

    failed: str
    """Why, in words."""

    def show(self, console: Console) -> None:
        """Print it for a person."""
        console.print(f"[bold]Not measured:[/] {escape(self.failed)}")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for."""

    parts: tuple[Part, ...] = PARTS
    repeat: int = 3
    quick: bool = False
    kafka: BrokerOptions | None = None
    """Brokers that run already; None: one is started."""


def parts_from(text: str | None) -> tuple[Part, ...]:
    """The parts of `--only`.

    Args:
        text: names with commas between them; None: all.

    Returns:
        The parts, in the order in which they run.

    Raises:
        UsageError: There is no such part.
    """
    if text is None:
        return PARTS
    asked = [name.strip() for name in text.split(",")]
    if unknown := [name for name in asked if name not in PARTS]:
        raise UsageError(f"There is no part {unknown[0]!r}: --only takes {', '.join(PARTS)}.")
    return tuple(part for part in PARTS if part in asked)


def bench_stream(settings: Settings, request: Request, say: Say) -> Found:
    """Measure the parts one after another, on servers that are gone afterwards.

    Args:
        settings: thresholds and models.
        request: which parts, how often.
        say: takes a sentence before each part.

    Returns:
        Figures and what they were taken on.

    Raises:
        DependencyAwayError: No broker or no database can be started.
    """
    started, load = time.monotonic(), os.getloadavg()[0]
    if words := busy_words(load, len(os.sched_getaffinity(0))):
        say(words)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onlooker-bench-")))
        site = Site(settings, named=request.kafka, folder=folder, stack=stack)
        amounts = QUICK if request.quick else Amounts()
        work = Work(site=site, amounts=amounts, repeat=request.repeat, say=say)
        if set(request.parts) != {"measure"}:
            site.start()
        parts = {part: _measured(part, work) for part in request.parts}
    return Found(
        machine=machine(load),
        repeat=request.repeat,
        seconds=round(time.monotonic() - started, 1),
        parts=parts,
    )


def busy_words(load: float, cores: int) -> str:
    """A warning when other work will make the figures worse than they are.

    Args:
        load: processes that wanted a core in the last minute.
        cores: there are.

    Returns:
        A sentence; empty when the machine is quiet enough.
    """
    if load <= BUSY * cores:
        return ""
    return f"This machine is busy (load {load:.1f} on {cores} cores): figures will be too low."


def machine(load_before: float) -> Machine:
    """This machine, as far as it decides about speed.

    Args:
        load_before: `os.getloadavg()[0]` before anything was measured.

    Returns:
        Its name and its load since.
    """
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        system=platform.system(),
        load_before=round(load_before, 2),
        load_after=round(os.getloadavg()[0], 2),
    )


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _measured(part: Part, work: Work) -> Any:
    runner, words = _RUNNERS[part]
    work.say(words)
    try:
        return runner(work)
    except (DependencyAwayError, KafkaError) as error:
        failed = Failed(failed=str(error) or repr(error))
        work.say(failed.failed)
        return failed


def _measure(work: Work) -> Sequence[Comparison]:
    return bench_measure(work.amounts.crowd, repeat=work.repeat)


_RUNNERS: dict[Part, tuple[Callable[[Work], Any], str]] = {
    "publish": (bench_publish, "Publishing frames, next to a bare producer"),
    "measure": (_measure, "The fold of MEASURE in one process"),
    "faust": (bench_faust, "The MEASURE agent, next to an agent that does nothing"),
    "sink": (bench_sink, "The sink, next to bare inserts"),
    "latency": (bench_latency, "From capture to row through all services"),
    "density": (bench_density, "Adding stands until decisions come too late"),
}
