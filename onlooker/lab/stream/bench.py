"""`bench stream`: what each part of the services costs, next to its floor in the same run."""

import os
import platform
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
from kafka.errors import KafkaError

from onlooker.lab.stream.density import bench_density
from onlooker.lab.stream.latency import bench_latency
from onlooker.lab.stream.measure import bench_embedded, bench_faust
from onlooker.lab.stream.publish import bench_publish
from onlooker.lab.stream.sink import bench_sink
from onlooker.lab.stream.site import Site, broker
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


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for."""

    parts: tuple[Part, ...] = PARTS
    repeat: int = 3
    quick: bool = False
    kafka: BrokerOptions | None = None
    """Brokers that run already; None: one is started."""


def parts_from(text: str | None) -> tuple[Part, ...]:
    """The parts of `--only` (names with commas between them; None: all), in the order in which they run.

    Raises:
        UsageError: There is no such part.
    """
    asked = PARTS if text is None else [name.strip() for name in text.split(",")]
    if unknown := [name for name in asked if name not in PARTS]:
        raise UsageError(f"There is no part {unknown[0]!r}: --only takes {', '.join(PARTS)}.")
    return tuple(part for part in PARTS if part in asked)


def bench_stream(settings: Settings, request: Request, say: Callable[[str], None]) -> Found:
    """Measure the parts one after another, on servers that are gone afterwards; says what comes before each.

    Of the settings brokers, database, registry and stands are not used.

    Raises:
        DependencyAwayError: No broker can be started.
    """
    started, load, default = time.monotonic(), os.getloadavg()[0], Settings()
    if words := busy_words(load, len(os.sched_getaffinity(0))):
        say(words)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onlooker-bench-")))
        away = set(request.parts) == {"measure"}
        kafka = default.kafka if away else stack.enter_context(broker(request.kafka, folder))
        ours = msgspec.structs.replace(
            settings, kafka=kafka, clickhouse=default.clickhouse, registry=default.registry, stands=()
        )
        site = Site(settings=ours, folder=folder, say=say, repeat=request.repeat, quick=request.quick)
        parts = {part: _measured(part, site) for part in request.parts}
    return Found(
        machine=machine(load),
        repeat=request.repeat,
        seconds=round(time.monotonic() - started, 1),
        parts=parts,
    )


def busy_words(load: float, cores: int) -> str:
    """A warning when other work (load: processes that want a core) makes figures worse; or nothing."""
    if load <= BUSY * cores:
        return ""
    return f"This machine is busy (load {load:.1f} on {cores} cores): figures will be too low."


def machine(load_before: float) -> Machine:
    """This machine, as far as it decides about speed; its load before is that of `os.getloadavg()[0]`."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return Machine(
        cpu=names[0] if names else platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        system=platform.system(),
        load_before=round(load_before, 2),
        load_after=round(os.getloadavg()[0], 2),
    )


def _measured(part: Part, site: Site) -> Any:
    runner, words = _RUNNERS[part]
    site.say(words)
    try:
        return runner(site)
    except (DependencyAwayError, KafkaError) as error:
        failed = Failed(failed=str(error) or repr(error))
        site.say(failed.failed)
        return failed


_RUNNERS: dict[Part, tuple[Callable[[Site], Any], str]] = {
    "publish": (bench_publish, "Publishing frames, next to a bare producer"),
    "measure": (bench_embedded, "The fold of MEASURE in one process"),
    "faust": (bench_faust, "The MEASURE agent, next to an agent that does nothing"),
    "sink": (bench_sink, "The sink, next to bare inserts"),
    "latency": (bench_latency, "From capture to row through all services"),
    "density": (bench_density, "Adding stands until decisions come too late"),
}
