"""Builds the workers: each role with its models, its codec, its limits, over the configured brokers."""

import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from onlooker.settings.configuration import Settings
from onlooker.telemetry import Watch
from onlooker.wiring.broker import broker_options
from onlooker.wiring.perception import build_networks, build_observer, decoder, measure_options
from onlooker.wiring.schemas import build_codec
from processors.measure.aligned import AlignedMeasure
from processors.observe.keeping import CameraKeeper
from processors.observe.stage import ObserveStage
from processors.runtime.agents import Bench, WorkPlan, work
from processors.runtime.work.aside import Aside
from processors.runtime.work.measure_desk import MeasureDesk
from processors.runtime.work.observe_desk import ObserveDesk
from processors.runtime.work.reading import Reader
from processors.runtime.work.stands import Load, StandStates
from processors.topology import StageName
from schemas.metrics import Meter
from schemas.wire.codec import AvroCodec

log = logging.getLogger(__name__)
OpenBench = Callable[[Load], Bench]


class WorkRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What `work` was asked for besides its settings."""

    stage: StageName
    bootstrap: str | None = None
    gallery: Path | None = None


def execute_work(settings: Settings, request: WorkRequest, watch: Watch, stop: threading.Event) -> None:
    """Run one role until it is asked to stop.

    Args:
        settings: the configuration.
        request: the role, and what the command line says.
        watch: takes figures and heartbeats.
        stop: ends it.

    Raises:
        UsageError: wrong configuration, or a checkpoint of another version.
        DependencyAwayError: a model or a topic is missing.
        LimitReachedError: too many messages are bad.
    """
    work(build_plan(settings, request, watch), stop, give_up=give_up)


def build_plan(settings: Settings, request: WorkRequest, watch: Watch) -> WorkPlan:
    """What the role is made of."""
    broker = broker_options(settings, request.bootstrap)
    stage = request.stage
    codec = build_codec(settings.registry, broker.topics, os.environ)
    aside = Aside(
        stage,
        broker.topics,
        codec=codec,
        options=settings.work.dead_letters,
        clock_us=clock_us,
        meter=watch.meter,
    )

    tools = _Tools(codec=codec, aside=aside, reader=Reader(codec, clock_us), meter=watch.meter)
    opening = _observing(settings, request, tools) if stage == "observe" else _measuring(settings, tools)
    return WorkPlan(
        stage=stage,
        broker=broker,
        options=settings.work,
        open_bench=opening,
        meter=watch.meter,
        pulse=watch.pulse,
        clock_us=clock_us,
        instance=f"{stage}@{socket.gethostname()}:{os.getpid()}",
    )


def _measuring(settings: Settings, tools: "_Tools") -> OpenBench:
    fold = AlignedMeasure(measure_options(settings))

    def opening(load: Load) -> Bench:
        states = StandStates("measure", fold, fold, load)
        return Bench(desk=MeasureDesk(fold, states, **tools.handed()), states=states)

    return opening


def _observing(settings: Settings, request: WorkRequest, tools: "_Tools") -> OpenBench:
    networks = build_networks(settings, request.gallery)
    stage = ObserveStage(build_observer(settings, networks), networks.model_version)
    threads = ThreadPoolExecutor(settings.work.inference_threads, thread_name_prefix="looking")

    def opening(load: Load) -> Bench:
        states = StandStates("observe", stage, CameraKeeper(), load)
        desk = ObserveDesk(stage, states, **tools.handed())
        return Bench(desk=desk.looking_with(decoder(settings.capture), threads), states=states)

    return opening


class _Tools(msgspec.Struct, frozen=True, kw_only=True):
    """What both desks need."""

    codec: AvroCodec
    aside: Aside
    reader: Reader
    meter: Meter

    def handed(self) -> dict[str, Any]:
        """As keyword arguments."""
        return msgspec.structs.asdict(self)


def clock_us() -> int:
    """Wall clock, us UTC."""
    return time.time_ns() // 1000


def give_up(sentence: str) -> NoReturn:
    """End the process at once: nothing may be sent any more, and no thread may hinder it."""
    log.critical(sentence, extra={"exit_code": 3})
    sys.stderr.flush()
    os._exit(3)
