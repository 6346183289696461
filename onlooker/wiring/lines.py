"""Builds the cameras of a stand with their buffers, for a run in one process and for the capture service."""

from pathlib import Path

import msgspec

from onlooker.cameras.lines import CameraLine
from onlooker.settings.configuration import CameraSettings, Settings, StandSettings
from onlooker.settings.instants import require_believable
from onlooker.wiring.perception import open_source
from producers.cameras.buffer import FrameBuffer
from producers.cameras.camera import claimed_frames, claimed_us
from producers.cameras.event_time import WallClock
from producers.cameras.folder import folder_rate
from producers.cameras.pacing import policy_at
from producers.cameras.sources import SourceSpec, parse_source
from producers.cameras.thread import CameraPlan, CaptureThread
from producers.options import CaptureOptions, Pace
from producers.publish.journal import StandNote, next_life
from schemas.clocks import Clocks

WAITING_FRAMES = 4
"""A recording that waits needs no deep buffer: it only has to keep the next frame ready."""


class CameraSource(msgspec.Struct, frozen=True, kw_only=True):
    """A camera of a stand, with its name settled and its source parsed."""

    camera_id: str
    spec: SourceSpec
    options: CaptureOptions


def camera_sources(settings: Settings, stand: StandSettings) -> tuple[CameraSource, ...]:
    """The cameras of a stand, in their order.

    Raises:
        UsageError: a source does not exist, is a folder of pictures whose rate is not known, or its recording
            begins when nobody would believe it.
    """
    return tuple(
        _source(settings, stand, camera, camera_id)
        for camera_id, camera in zip(stand.camera_ids, stand.cameras, strict=True)
    )


def _source(settings: Settings, stand: StandSettings, camera: CameraSettings, camera_id: str) -> CameraSource:
    spec, options = parse_source(camera.source), _options_of(settings, camera)
    if spec.kind == "folder":
        folder_rate(Path(spec.target), options)
    found = CameraSource(camera_id=camera_id, spec=spec, options=options)
    if spec.is_recording:
        _require_believable(stand.stand_id, found)
    return found


def _require_believable(stand_id: str, source: CameraSource, length_us: int = 0) -> None:
    where = f"The stand {stand_id}, {source.camera_id}"
    require_believable(where, source.options.start_at, Clocks().now_us(), length_us=length_us)


def camera_lines(
    settings: Settings,
    stand: StandSettings,
    pace: Pace,
    note: StandNote | None = None,
    *,
    wall: WallClock | None = None,
) -> list[CameraLine]:
    """Cameras of a stand with their buffers, ready to start behind what has arrived before.

    Args:
        settings: of the site.
        stand: one of its stands.
        pace: of recordings.
        note: what has arrived before.
        wall: the wall clock of the process; None: one for these cameras.

    Raises:
        UsageError: a source does not exist.
    """
    wall = wall or WallClock(Clocks())
    return [
        _line(stand.stand_id, source, pace, note or StandNote(), wall)
        for source in camera_sources(settings, stand)
    ]


def _line(stand_id: str, source: CameraSource, pace: Pace, note: StandNote, wall: WallClock) -> CameraLine:
    spec, options = source.spec, source.options
    policy = policy_at(pace, is_recording=spec.is_recording, policy=options.policy)
    buffer = FrameBuffer(
        min(options.buffer_frames, WAITING_FRAMES) if policy == "wait" else options.buffer_frames,
        policy,
        max_bytes=options.buffer_bytes,
        is_recording=spec.is_recording,
    )
    claimed = claimed_frames(spec) if spec.is_recording else None
    if spec.is_recording and pace == "fast":
        _require_believable(stand_id, source, claimed_us(spec, options) or 0)
    skipped = note.frames.get(source.camera_id, -1) + 1 if spec.is_recording else 0
    capture = CaptureThread(
        CameraPlan(
            stand_id=stand_id,
            camera_id=source.camera_id,
            spec=spec,
            pace=pace,
            skip_frames=skipped,
            first_index=0 if spec.is_recording else next_life(note.frames.get(source.camera_id)),
            after_us=None if spec.is_recording else note.times_us.get(source.camera_id),
        ),
        lambda source: open_source(source, options),
        buffer=buffer,
        options=options,
        clocks=Clocks(),
        wall=wall,
    )
    return CameraLine(
        stand_id=stand_id,
        camera_id=source.camera_id,
        is_recording=spec.is_recording,
        expected_frames=None if claimed is None else max(0, claimed - skipped),
        capture=capture,
        buffer=buffer,
    )


def _options_of(settings: Settings, camera: CameraSettings) -> CaptureOptions:
    if camera.start_at is None:
        return settings.capture
    return msgspec.structs.replace(settings.capture, start_at=camera.start_at)
