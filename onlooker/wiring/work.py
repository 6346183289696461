"""Builds the workers: each role with its models, its codec, its limits, over the configured brokers."""

import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Literal, NoReturn

import click
import msgspec

from onlooker.settings import Settings
from onlooker.telemetry import Watch
from onlooker.wiring.broker import broker_options
from onlooker.wiring.perception import measure_options
from processors.agents import Bench, WorkPlan, work
from processors.alignment import AlignedMeasure
from processors.aside import Aside
from processors.measure_desk import MeasureDesk
from processors.reading import Reader
from processors.stands import Load, StandStates
from processors.topology import StageName
from schemas.codec import AvroCodec
from schemas.registry import FileRegistry

Role = Literal["observe", "measure", "both"]


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
    codec = AvroCodec(FileRegistry(), broker.topics)
    aside = Aside(
        stage,
        broker.topics,
        codec=codec,
        options=settings.work.dead_letters,
        clock_us=clock_us,
        meter=watch.meter,
    )

    def measuring(load: Load) -> Bench:
        fold = AlignedMeasure(measure_options(settings))
        states = StandStates(stage, fold, fold, load)
        desk = MeasureDesk(
            fold, states, reader=Reader(codec, clock_us), aside=aside, codec=codec, meter=watch.meter
        )
        return Bench(desk=desk, states=states)

    return WorkPlan(
        stage=stage,
        broker=broker,
        options=settings.work,
        open_bench=measuring,
        meter=watch.meter,
        pulse=watch.pulse,
        clock_us=clock_us,
        instance=f"{stage}@{socket.gethostname()}:{os.getpid()}",
    )


def clock_us() -> int:
    """Wall clock, us UTC."""
    return time.time_ns() // 1000


def give_up(sentence: str) -> NoReturn:
    """End the process at once: nothing may be sent any more, and no thread may hinder it."""
    click.echo(f"onlooker: {sentence}", err=True)
    sys.stderr.flush()
    os._exit(3)
