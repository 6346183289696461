"""Builds the embedded run: cameras with their buffers, play feeds, stages in a runtime."""

import random
import threading
import time

import msgspec

from onlooker.models.cache import ModelCache
from onlooker.running import CameraLine, EmbeddedRun, Tally
from onlooker.settings import CameraSettings, Settings, StandSettings
from onlooker.wiring.perception import (
    Parts,
    build_observer,
    cache_dir,
    measure_options,
    model_files,
    open_source,
)
from processors.local import Deliver, Delivery, LocalRuntime
from processors.stages import MeasureStage, ObserveStage
from producers.buffer import FrameBuffer
from producers.camera import claimed_frames
from producers.capture import CameraPlan, CaptureThread, Clocks
from producers.options import Pace
from producers.pacing import policy_at
from producers.playlist import PlayFeed, playlist_from
from producers.sources import parse_source

WAITING_FRAMES = 4
"""A recording that waits needs no deep buffer: it only has to keep the next frame ready."""


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
    lines = [line for stand in settings.stands for line in _lines(settings, stand, pace)]
    feeds = {stand.stand_id: PlayFeed(stand.playlist, stand.stand_id) for stand in settings.stands}
    run = EmbeddedRun(lines, feeds, runtime, tally, stop=stop, duration_s=duration_s)
    return run, tally


def _lines(settings: Settings, stand: StandSettings, pace: Pace) -> list[CameraLine]:
    return [
        _line(settings, stand.stand_id, camera, camera.camera_id or f"camera-{number}", pace)
        for number, camera in enumerate(stand.cameras, start=1)
    ]


def _line(settings: Settings, stand_id: str, camera: CameraSettings, name: str, pace: Pace) -> CameraLine:
    options = settings.capture
    if camera.start_at is not None:
        options = msgspec.structs.replace(options, start_at=camera.start_at)
    spec = parse_source(camera.source)
    policy = policy_at(pace, is_recording=spec.is_recording, policy=options.policy)
    buffer = FrameBuffer(
        min(options.buffer_frames, WAITING_FRAMES) if policy == "wait" else options.buffer_frames,
        policy,
        max_bytes=options.buffer_bytes,
        is_recording=spec.is_recording,
    )
    capture = CaptureThread(
        CameraPlan(stand_id=stand_id, camera_id=name, spec=spec, pace=pace),
        lambda source: open_source(source, options),
        buffer=buffer,
        options=options,
        clocks=Clocks(
            clock_us=lambda: time.time_ns() // 1000, monotonic_s=time.monotonic, jitter=random.random
        ),
    )
    return CameraLine(
        stand_id=stand_id,
        is_recording=spec.is_recording,
        expected_frames=claimed_frames(spec) if spec.is_recording else None,
        capture=capture,
        buffer=buffer,
    )


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
