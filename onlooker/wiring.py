"""The only file that builds real adapters: settings in, working parts out."""

import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from onlooker.analysis import Eyes, VideoReader
from onlooker.models.cache import ModelCache, default_root, digest_of, model_version
from onlooker.models.overrides import resolve_models
from onlooker.running import CameraLine, EmbeddedRun, Tally
from onlooker.settings import CameraSettings, Settings, StandSettings
from processors.describe import DescribeOptions, Describer
from processors.faces import Faculties
from processors.identity import Recogniser
from processors.local import Deliver, LocalRuntime
from processors.measure_options import MeasureOptions
from processors.observe import CameraState, Observer
from processors.perception.age_gender import AgeGenderEstimator
from processors.perception.detection import FaceDetector
from processors.perception.expression import ExpressionClassifier
from processors.perception.mesh import MeshFitter
from processors.perception.template import TemplateExtractor
from processors.seen import SeenFace
from processors.stages import MeasureStage, ObserveStage
from processors.stills import StillReader
from processors.topology import Topic
from processors.vision.nets import OnnxNet
from processors.vision.pixels import decode_picture
from producers.buffer import FrameBuffer
from producers.camera import open_camera
from producers.capture import CameraPlan, CaptureThread, Clocks
from producers.options import CaptureOptions, Pace
from producers.pacing import policy_at
from producers.playlist import PlayFeed, playlist_from
from producers.readings import Camera
from producers.sources import SourceSpec, parse_source
from schemas.errors import DependencyAwayError
from schemas.ports import Pixels

STAGES = ("detection", "mesh", "template", "expression", "age", "gender")
DEMO_CLIP = "WolfgangLanger_Pexels.mp4"


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """The networks and what they make up."""

    nets: Mapping[str, OnnxNet]
    faculties: Faculties
    recogniser: Recogniser | None
    model_version: str


def cache_dir() -> Path:
    """Where prepared models and samples are kept: $ONLOOKER_CACHE or the user's cache folder."""
    return default_root(os.environ)


def sample_clip() -> Path:
    """The demo's first clip; it must be prepared.

    Raises:
        DependencyAwayError: It is not.
    """
    cache = ModelCache(cache_dir())
    if cache.missing_samples([DEMO_CLIP]):
        raise DependencyAwayError("The sample footage is missing. Run `onlooker models prepare --samples`.")
    return cache.sample_path(DEMO_CLIP)


def build_parts(settings: Settings, gallery: Path | None = None) -> Parts:
    """Load the networks and make the faculties of them.

    Args:
        settings: thresholds, and the user's own models.
        gallery: who may be recognised; None: the configuration's gallery.

    Returns:
        Parts that hold no state of any camera.

    Raises:
        DependencyAwayError: A model is missing.
        UsageError: A user's own model does not fit, or the gallery cannot be used.
    """
    cache = ModelCache(cache_dir())
    paths = resolve_models(cache, {str(stage): path for stage, path in settings.models.items()})
    nets = {stage: OnnxNet(paths[stage]) for stage in STAGES}
    faculties = Faculties(
        detector=FaceDetector(nets["detection"], settings.detection),
        fitter=MeshFitter(nets["mesh"]),
        templates=TemplateExtractor(nets["template"]),
        expressions=ExpressionClassifier(nets["expression"]),
        ages=AgeGenderEstimator(nets["age"], nets["gender"]),
    )
    return Parts(
        nets=nets,
        faculties=faculties,
        recogniser=_recogniser(settings, gallery or settings.people.gallery, paths["template"]),
        model_version=model_version({stage: paths[stage] for stage in STAGES}),
    )


def build_eyes(settings: Settings, *, gallery: Path | None) -> Eyes:
    """What `analyze` looks with.

    Args:
        settings: the configuration.
        gallery: who may be recognised; None: the configuration's gallery.

    Returns:
        Eyes for stills and videos.
    """
    parts = build_parts(settings, gallery)
    observer = _observer(settings, parts)
    still = StillReader(parts.faculties, parts.recogniser, settings.measure)
    return Eyes(
        decode=_decode(settings.capture),
        read_still=still.read,
        new_video_reader=lambda name: _video_reader(observer, name),
        open_camera=_open_camera,
        options=settings.capture,
    )


def _recogniser(settings: Settings, gallery: Path | None, template_model: Path) -> Recogniser | None:
    """Recognition of a gallery's people; None when nobody asked to be recognised."""
    if gallery is None:
        return None
    from onlooker.people.galleries import load_gallery

    return Recogniser(load_gallery(gallery, digest_of(template_model)), settings.identity)


def _video_reader(observer: Observer, name: str) -> VideoReader:
    state = CameraState(stand_id="", camera_id=name)

    def read(picture: Pixels, t_us: int) -> tuple[SeenFace, ...]:
        nonlocal state
        state, faces = observer.step(state, picture, t_us)
        return faces

    return read


def _observer(settings: Settings, parts: Parts) -> Observer:
    options = DescribeOptions(traits=settings.traits, measure=_measure_options(settings))
    return Observer(parts.faculties, Describer(parts.faculties, parts.recogniser, options), settings.observe)


def _measure_options(settings: Settings) -> MeasureOptions:
    """The thresholds with each stand's screen and zone."""
    stands = {stand.stand_id: stand.screen for stand in settings.stands}
    return msgspec.structs.replace(settings.measure, stands={**settings.measure.stands, **stands})


def _decode(options: CaptureOptions) -> Callable[[bytes], Pixels]:
    return lambda data: decode_picture(data, max_pixels=options.max_pixels)


def _open_camera(spec: SourceSpec, options: CaptureOptions) -> Camera:
    return open_camera(spec, options, decode=_decode(options))


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

    def both(topic: Topic, stand_id: str, offset: int, event: object) -> None:
        tally.take(event)
        deliver(topic, stand_id, offset, event)

    runtime = LocalRuntime(
        {
            "observe": ObserveStage(_observer(settings, parts), parts.model_version),
            "measure": MeasureStage(_measure_options(settings)),
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
    buffer = FrameBuffer(
        options.buffer_frames,
        policy_at(pace, is_recording=spec.is_recording, policy=options.policy),
        max_bytes=options.buffer_bytes,
        is_recording=spec.is_recording,
    )
    capture = CaptureThread(
        CameraPlan(stand_id=stand_id, camera_id=name, spec=spec, pace=pace),
        lambda source: _open_camera(source, options),
        buffer=buffer,
        options=options,
        clocks=Clocks(
            clock_us=lambda: time.time_ns() // 1000, monotonic_s=time.monotonic, jitter=random.random
        ),
    )
    return CameraLine(stand_id=stand_id, is_recording=spec.is_recording, capture=capture, buffer=buffer)


def check_settings(settings: Settings) -> None:
    """Check what can be checked without starting anything: sources, models, time zones.

    Args:
        settings: the configuration.

    Raises:
        UsageError: A source does not exist or a user's own model does not fit.
        DependencyAwayError: A model is not prepared.
    """
    resolve_models(ModelCache(cache_dir()), {str(stage): path for stage, path in settings.models.items()})
    for stand in settings.stands:
        playlist_from(stand.playlist, 0)
        for camera in stand.cameras:
            parse_source(camera.source)
