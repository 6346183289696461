"""Builds the store of a run and executes it: the embedded ClickHouse, a server by URL, or none."""

import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec

from onlooker.cli.progress import progress
from onlooker.running import EmbeddedRun, summary
from onlooker.secrets import clickhouse_with_secrets
from onlooker.settings import Settings
from onlooker.stopping import stopped_by_signals
from onlooker.watching import CameraWatch
from onlooker.wiring.perception import build_parts, measure_options
from onlooker.wiring.record_run import RunRecorder, RunRecording, recording_run
from onlooker.wiring.run import build_run
from processors.local import Deliver, Delivery
from producers.options import Pace
from schemas.errors import DependencyAwayError
from schemas.events import Play, VisitEnded, WindowClosed
from schemas.ports import RowStore
from sinks.address import Address
from sinks.clickhouse import ClickHouse, NoDatabaseError, create_database
from sinks.dialect import Dialect
from sinks.embedded import EmbeddedServer
from sinks.migrate import migrate, released
from sinks.writer import FactWriter


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What `run` was asked for besides its settings."""

    data_dir: Path | None = None
    gallery: Path | None = None
    pace: Pace = "fast"
    duration_s: float | None = None
    no_clickhouse: bool = False
    record: RunRecording | None = None
    """A recording of everything that passes; None: none is made."""


class SystemClock:
    """Time of this machine."""

    def now_s(self) -> float:
        """Seconds that only grow."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def execute_run(settings: Settings, request: RunRequest) -> dict[str, Any]:
    """Run all cameras of the settings until they end or somebody stops it, and store what was measured.

    Args:
        settings: stands, cameras, thresholds.
        request: where to store, how fast, how long.

    Returns:
        The summary of `run --json`.

    Raises:
        UsageError: Another process owns the data directory, or a setting is wrong.
        DependencyAwayError: A model or the server is away, or no source gave a single frame.
        LimitReachedError: The disk is full.
    """
    database = clickhouse_with_secrets(settings.clickhouse, os.environ)
    settings = msgspec.structs.replace(settings, clickhouse=database)
    data_dir = request.data_dir or settings.data_dir
    stop = threading.Event()
    with ExitStack() as stack:
        parts = build_parts(settings, request.gallery)
        writer = None if request.no_clickhouse else stack.enter_context(open_writer(settings, data_dir))
        recorder = stack.enter_context(recording_run(settings, request.record)) if request.record else None
        interrupted = stack.enter_context(stopped_by_signals(stop))
        run, tally = build_run(
            settings,
            parts,
            deliver=_delivery_to(writer, recorder),
            stop=stop,
            pace=request.pace,
            duration_s=request.duration_s,
        )
        _drive(run, writer)
        _require_frames(run, tally.observed, interrupted=interrupted.is_set())
        rows = {} if writer is None else writer.counts.rows
        embedded = writer is not None and settings.clickhouse.url is None
        return summary(run, tally, rows=rows, data_dir=str(data_dir) if embedded else None)


def _delivery_to(writer: FactWriter | None, recorder: RunRecorder | None) -> Deliver:
    """Listens to the topics whose events become rows, and to all that are recorded."""

    def deliver(delivery: Delivery) -> None:
        if recorder is not None:
            recorder.deliver(delivery)
        if writer is not None and isinstance(delivery.event, Play | VisitEnded | WindowClosed):
            writer.add(delivery.event)

    return deliver


def _drive(run: EmbeddedRun, writer: FactWriter | None) -> None:
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


@contextmanager
def open_writer(settings: Settings, data_dir: Path) -> Iterator[FactWriter]:
    """A writer into a migrated database, embedded or by URL.

    Args:
        settings: where the server is.
        data_dir: of the embedded server.

    Yields:
        The writer; what it gathered is flushed by the caller.
    """
    with ExitStack() as stack:
        there = settings.clickhouse.address()
        if there is None:
            server = stack.enter_context(EmbeddedServer(data_dir))
            address, revive = server.address(), server.ensure_running
        else:
            address, revive = there, None
        store = ClickHouse(address)
        stack.callback(store.close)
        prepare(store, address, settings)
        yield FactWriter(store, source=uuid.uuid4().hex, clock=SystemClock(), revive=revive)


def prepare(store: ClickHouse, address: Address, settings: Settings) -> None:
    """Make a database fit to be written: its version, its tables, the thresholds behind its figures.

    Args:
        store: a connection to it.
        address: where it is.
        settings: stands and thresholds.

    Raises:
        DependencyAwayError: the server is away.
        UsageError: it refuses us or is too old.
        CheckFailedError: a migration was changed, or the database is newer than this program.
    """
    _require_database(store, address)
    clickhouse = settings.clickhouse
    migrate(store, released(), dialect=Dialect(cluster=clickhouse.cluster, replicated=clickhouse.replicated))
    note_thresholds(store, settings)


def _require_database(store: ClickHouse, address: Address) -> None:
    """Check the server's version; a user who may is spared creating the database by hand."""
    try:
        store.check_version()
    except NoDatabaseError:
        create_database(address)
        store.check_version()


def note_thresholds(store: RowStore, settings: Settings) -> None:
    """Write what the metric version of each stand stands for; writing it again changes nothing.

    Args:
        store: the database, migrated.
        settings: stands and thresholds.
    """
    options = measure_options(settings)
    noted = {options.metric_version(s.stand_id): options.thresholds(s.stand_id) for s in settings.stands}
    for version, thresholds in noted.items():
        columns = {"metric_version": [version], "thresholds": [thresholds]}
        store.insert("metric_versions", columns, f"metric_version:{version}")


def _require_frames(run: EmbeddedRun, observed: int, *, interrupted: bool) -> None:
    """Complain when every source failed before its first frame."""
    problems = [status.problem for status in run.statuses() if status.problem]
    if observed == 0 and problems and not interrupted:
        raise DependencyAwayError(f"No source gave a single frame: {'; '.join(problems)}")
