"""Builds the embedded run: cameras with their buffers, play feeds, stages in a runtime."""

import threading

from onlooker.models.cache import ModelCache
from onlooker.running import EmbeddedRun, Tally
from onlooker.settings import Settings
from onlooker.wiring.lines import camera_lines
from onlooker.wiring.perception import (
    Parts,
    build_observer,
    cache_dir,
    measure_options,
    model_files,
)
from processors.local import Deliver, Delivery, LocalRuntime
from processors.stages import MeasureStage, ObserveStage
from producers.options import Pace
from producers.playlist import PlayFeed, playlist_from
from producers.sources import parse_source


def build_run(
    settings: Settings,
    parts: Parts,
    *,
    deliver: Deliver,
    stop: threading.Event,
    pace: Pace = "fast",
    duration_s: float | None = None,
) -> tuple[EmbeddedRun, Tally]:
    """An embedded run over the cameras of all stands.

    Args:
        settings: stands with their cameras.
        parts: loaded networks.
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
            "observe": ObserveStage(build_observer(settings, parts), parts.model_version),
            "measure": MeasureStage(measure_options(settings)),
        },
        both,
    )
    lines = [line for stand in settings.stands for line in camera_lines(settings, stand, pace)]
    feeds = {stand.stand_id: PlayFeed(stand.playlist, stand.stand_id) for stand in settings.stands}
    run = EmbeddedRun(lines, feeds, runtime, tally, stop=stop, duration_s=duration_s)
    return run, tally


def check_settings(settings: Settings) -> None:
    """Check what can be checked without starting anything: sources, models, time zones.

    Args:
        settings: the configuration.

    Raises:
        UsageError: A source does not exist or a user's own model does not fit.
        DependencyAwayError: A model is not prepared.
    """
    model_files(settings, ModelCache(cache_dir()))
    for stand in settings.stands:
        playlist_from(stand.playlist, 0)
        for camera in stand.cameras:
            parse_source(camera.source)
