"""Builds the workers: each stage with its models, its codec, its limits, over the configured brokers."""

import hashlib
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import msgspec

from onlooker.models.cache import model_version
from onlooker.settings.configuration import Settings
from onlooker.telemetry import Watch
from onlooker.wiring.perception import (
    build_networks,
    build_observer,
    decoder,
    measure_options,
    model_files,
)
from onlooker.wiring.schemas import build_codec
from processors.measure.aligned import AlignedMeasure
from processors.observe.captured import CapturedFrames
from processors.observe.keeping import CameraKeeper
from processors.observe.stage import ObserveStage
from processors.runtime.agents import Desk, WorkPlan, work
from processors.runtime.work.aside import Aside
from processors.runtime.work.fold_desk import FoldDesk
from processors.runtime.work.observe_desk import ObserveDesk
from processors.runtime.work.stands import Load, StandStates
from processors.runtime.work.tools import DeskTools
from processors.topology import StageName, stage_named
from schemas.clocks import Clocks
from schemas.letter_limits import LetterLimits

log = logging.getLogger(__name__)
OpenDesk = Callable[[Load], Desk]


class WorkRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What `work` was asked for besides its settings."""

    stage: StageName
    gallery: Path | None = None


def execute_work(settings: Settings, request: WorkRequest, watch: Watch, stop: threading.Event) -> None:
    """Run one role until it is asked to stop.

    Raises:
        UsageError: wrong configuration, a checkpoint of another version, or other workers with other options.
        DependencyAwayError: a model or a topic is missing.
        LimitReachedError: too many messages are bad.
    """
    work(build_plan(settings, request, watch), stop, give_up=give_up)


def build_plan(settings: Settings, request: WorkRequest, watch: Watch) -> WorkPlan:
    """What the role is made of."""
    broker, clocks = settings.kafka, Clocks()
    name = request.stage
    codec = build_codec(settings.registry, broker.topics)
    aside = Aside(
        name,
        broker.topics,
        codec=codec,
        limits=LetterLimits(settings.work.dead_letters, watch.pulse),
        clock_us=clocks.now_us,
        meter=watch.meter,
    )
    tools = DeskTools(codec=codec, aside=aside, meter=watch.meter, pulse=watch.pulse, clock_us=clocks.now_us)
    return WorkPlan(
        stage=stage_named(name),
        broker=broker,
        options=settings.work,
        open_desk=DESKS[name](settings, request, tools),
        meter=watch.meter,
        pulse=watch.pulse,
        clocks=clocks,
        instance=f"{name}@{socket.gethostname()}:{os.getpid()}",
        meaning=MEANINGS[name](settings) if name in MEANINGS else "",
    )


def _measuring(settings: Settings, request: WorkRequest, tools: DeskTools) -> OpenDesk:
    fold = AlignedMeasure(measure_options(settings))
    return lambda load: FoldDesk(fold, StandStates(request.stage, fold, fold, load, meter=tools.meter), tools)


def _observing(settings: Settings, request: WorkRequest, tools: DeskTools) -> OpenDesk:
    networks = build_networks(settings, request.gallery)
    stage = ObserveStage(build_observer(settings, networks), networks.model_version)
    frames = CapturedFrames(stage, decoder(settings.capture))
    threads = ThreadPoolExecutor(settings.work.inference_threads, thread_name_prefix="looking")

    def opening(load: Load) -> Desk:
        states = StandStates(request.stage, stage, CameraKeeper(), load, meter=tools.meter)
        return ObserveDesk(frames, states, tools, executor=threads)

    return opening


DESKS: Mapping[StageName, Callable[[Settings, WorkRequest, DeskTools], OpenDesk]] = {
    "observe": _observing,
    "measure": _measuring,
}
"""What opens the desk of each stage of the topology."""


def _meaning_of_observe(settings: Settings) -> str:
    """Whom it recognises is not in it: people are enrolled every day."""
    options = (settings.detection, settings.observe, settings.traits, settings.identity)
    parts = [model_version(model_files(settings)).encode(), msgspec.json.encode(options, order="sorted")]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


MEANINGS: Mapping[StageName, Callable[[Settings], str]] = {
    "observe": _meaning_of_observe,
    "measure": lambda settings: measure_options(settings).digest,
}
"""Digest of what the meaning of a stage's events depends on; a stage without one has no options."""


def give_up(sentence: str) -> NoReturn:
    """End the process at once: nothing may be sent any more, and no thread may hinder it."""
    log.critical(sentence, extra={"exit_code": 3})
    sys.stderr.flush()
    os._exit(3)
