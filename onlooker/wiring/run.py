"""Builds the local run: cameras with their buffers, play feeds, stages in a runtime."""

import threading
from contextlib import ExitStack
from pathlib import Path

import click
import msgspec

from onlooker.cameras.lines import complain_of_problems
from onlooker.cameras.watching import CameraWatch
from onlooker.foreground.progress import progress
from onlooker.foreground.stopping import stopped_by_signals
from onlooker.run.running import LocalRun, Tally
from onlooker.run.summary import RunSummary, run_summary
from onlooker.settings.configuration import Settings
from onlooker.wiring.database import open_writer
from onlooker.wiring.lines import camera_lines
from onlooker.wiring.measured import measured_recordings, rate_warnings, recordings_of, seen_until
from onlooker.wiring.perception import (
    Networks,
    build_networks,
    build_observer,
    measure_options,
)
from onlooker.wiring.record_run import RunRecorder, RunRecording, recording_run
from processors.measure.stage import MeasureStage
from processors.observe.stage import ObserveStage
from processors.runtime.local import Deliver, Delivery, LocalRuntime
from producers.cameras.event_time import WallClock
from producers.options import Pace
from producers.playlist import PlayFeed
from schemas.clocks import Clocks
from sinks.facts.kinds import is_fact
from sinks.service.local import LocalSink


def build_run(
    settings: Settings,
    networks: Networks,
    *,
    deliver: Deliver,
    stop: threading.Event,
    pace: Pace = "fast",
    duration_s: float | None = None,
) -> tuple[LocalRun, Tally]:
    """A local run over the cameras of all stands.

    Args:
        settings: stands with their cameras.
        networks: loaded networks.
        deliver: takes every event of every topic.
        stop: ends the run when set.
        pace: of recordings.
        duration_s: event time after which a stand has been seen enough; None: until the end.

    Returns:
        The run, not started, and the counts that it fills.
    """
    tally = Tally()

    def both(delivery: Delivery) -> None:
        tally.take(delivery.event)
        deliver(delivery)

    runtime = LocalRuntime(
        {
            "observe": ObserveStage(build_observer(settings, networks), networks.model_version),
            "measure": MeasureStage(measure_options(settings)),
        },
        both,
    )
    wall = WallClock(Clocks())
    lines = [line for stand in settings.stands for line in camera_lines(settings, stand, pace, wall=wall)]
    feeds = {stand.stand_id: PlayFeed(stand.playlist, stand.stand_id) for stand in settings.stands}
    run = LocalRun(lines, feeds, runtime, tally, stop=stop, duration_s=duration_s)
    return run, tally


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What `run` was asked for besides its settings."""

    gallery: Path | None = None
    pace: Pace = "fast"
    duration_s: float | None = None
    no_clickhouse: bool = False
    record: RunRecording | None = None
    """A recording of everything that passes; None: none is made."""


def execute_run(settings: Settings, request: RunRequest) -> RunSummary:
    """Run all cameras of the settings until they end or somebody stops it, and store what was measured.

    Raises:
        UsageError: Another process owns the data directory, or a setting is wrong.
        DependencyAwayError: A model or the server is away, or no source gave a single frame.
        LimitReachedError: The disk is full.
    """
    stop = threading.Event()
    with ExitStack() as stack:
        networks = build_networks(settings, request.gallery)
        writer = None if request.no_clickhouse else stack.enter_context(open_writer(settings))
        measured = None if writer is None else measured_recordings(settings)
        recordings = {} if measured is None else recordings_of(settings)
        if measured is not None:
            measured.claim(recordings)
        recorder = stack.enter_context(recording_run(settings, request.record)) if request.record else None
        interrupted = stack.enter_context(stopped_by_signals(stop))
        run, tally = build_run(
            settings,
            networks,
            deliver=_delivery_to(writer, recorder),
            stop=stop,
            pace=request.pace,
            duration_s=request.duration_s,
        )
        try:
            _drive(run, writer)
        finally:
            if measured is not None:
                measured.note(seen_until(recordings, run.last_us))
                measured.note_rates(run.rates.slowest)
        if tally.observed == 0 and not interrupted.is_set():
            complain_of_problems(run.statuses())
        rows = {} if writer is None else writer.rows
        embedded = writer is not None and settings.clickhouse.url is None
        warnings = tuple(rate_warnings(settings, run.rates.slowest).values())
        data_dir = str(settings.data_dir) if embedded else None
        return run_summary(run, tally, rows=rows, data_dir=data_dir, warnings=warnings)


def _delivery_to(writer: LocalSink | None, recorder: RunRecorder | None) -> Deliver:
    """Listens to the topics whose events become rows, and to all that are recorded."""

    def deliver(delivery: Delivery) -> None:
        if recorder is not None:
            recorder.deliver(delivery)
        if writer is not None and is_fact(delivery.event):
            writer.add(delivery.event)

    return deliver


def _drive(run: LocalRun, writer: LocalSink | None) -> None:
    """Run to the end with progress and news of the cameras; what was gathered is written at the end."""
    watch = CameraWatch(run.statuses, lambda sentence: click.echo(sentence, err=True))
    with progress("Measuring", total=run.expected_frames, unit="frames") as advance, watch:

        def after_frame(frames: int) -> None:
            advance(frames)
            if writer is not None:
                writer.tick()

        run.run(after_frame)
    if writer is not None:
        writer.flush()
