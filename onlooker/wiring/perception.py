"""Builds perception: models into networks, networks into faculties, faculties into eyes."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import click
import msgspec

from onlooker.analyze.files import Eyes, VideoObserver
from onlooker.models.cache import ModelCache, default_root, digest_of, model_version
from onlooker.models.overrides import resolve_models
from onlooker.settings.configuration import Settings
from processors.observe.describe import DescribeOptions, Describer
from processors.observe.faculties import Faculties
from processors.observe.identity import Recogniser
from processors.observe.observer import CameraState, Observer
from processors.observe.perception.age_gender import AgeGenderEstimator
from processors.observe.perception.detection import FaceDetector
from processors.observe.perception.expression import ExpressionClassifier
from processors.observe.perception.mesh import MeshFitter
from processors.observe.perception.template import TemplateExtractor
from processors.observe.seen import SeenFace
from processors.observe.stills import StillObserver
from processors.thresholds import MeasureOptions
from processors.vision.nets import OnnxNet
from processors.vision.pixels import decode_picture
from producers.cameras.camera import open_camera
from producers.cameras.grabs import Camera
from producers.cameras.sources import SourceSpec
from producers.options import CaptureOptions
from schemas.errors import DependencyAwayError
from schemas.ports import Pixels

STAGES = ("detection", "mesh", "template", "expression", "age", "gender")
DEMO_CLIP = "WolfgangLanger_Pexels.mp4"


class Networks(msgspec.Struct, frozen=True, kw_only=True):
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


def model_files(settings: Settings) -> Mapping[str, Path]:
    """The model file of each stage that a run uses: prepared, or the user's own.

    Raises:
        DependencyAwayError: A model is not prepared.
        UsageError: A user's own model does not fit.
    """
    own = {str(stage): path for stage, path in settings.models.items()}
    return resolve_models(ModelCache(cache_dir()), own, stages=STAGES)


def build_networks(settings: Settings, gallery: Path | None = None) -> Networks:
    """Load the networks and make the faculties of them; they hold no state of any camera.

    Args:
        settings: thresholds, and the user's own models.
        gallery: who may be recognised; None: the configuration's gallery.

    Raises:
        DependencyAwayError: A model is missing.
        UsageError: A user's own model does not fit, or the gallery cannot be used.
    """
    paths = model_files(settings)
    nets = {stage: OnnxNet(path) for stage, path in paths.items()}
    faculties = Faculties(
        detector=FaceDetector(nets["detection"], settings.detection),
        fitter=MeshFitter(nets["mesh"]),
        templates=TemplateExtractor(nets["template"]),
        expressions=ExpressionClassifier(nets["expression"]),
        ages=AgeGenderEstimator(nets["age"], nets["gender"]),
    )
    return Networks(
        nets=nets,
        faculties=faculties,
        recogniser=_recogniser(settings, gallery or settings.people.gallery, paths["template"]),
        model_version=model_version(paths),
    )


def build_eyes(settings: Settings, *, gallery: Path | None) -> Eyes:
    """What `analyze` looks with; a gallery takes the place of the configuration's."""
    networks = build_networks(settings, gallery)
    observer = build_observer(settings, networks)
    still = StillObserver(networks.faculties, networks.recogniser, settings.measure)
    return Eyes(
        decode=decoder(settings.capture),
        observe_still=still.observe,
        new_video_observer=lambda name: _video_observer(observer, name),
        open_camera=open_source,
        options=settings.capture,
    )


def _recogniser(settings: Settings, gallery: Path | None, template_model: Path) -> Recogniser | None:
    """Recognition of a gallery's people; None when nobody asked to be recognised."""
    if gallery is None:
        return None
    from onlooker.people.galleries import load_gallery

    people, damaged = load_gallery(gallery, digest_of(template_model), settings.people.site_key)
    for file in damaged:
        click.echo(file.sentence, err=True)
    return Recogniser(people, settings.identity)


def _video_observer(observer: Observer, name: str) -> VideoObserver:
    state = CameraState(stand_id="", camera_id=name)

    def observe(picture: Pixels, t_us: int) -> tuple[SeenFace, ...]:
        nonlocal state
        state, faces = observer.step(state, picture, t_us)
        return faces

    return observe


def build_observer(settings: Settings, networks: Networks) -> Observer:
    """OBSERVE's fold over the frames of any camera."""
    options = DescribeOptions(traits=settings.traits, measure=measure_options(settings))
    describer = Describer(networks.faculties, networks.recogniser, options)
    return Observer(networks.faculties, describer, settings.observe)


def measure_options(settings: Settings) -> MeasureOptions:
    """The thresholds with each stand's screen and zone."""
    stands = {stand.stand_id: stand.screen for stand in settings.stands}
    return msgspec.structs.replace(settings.measure, stands={**settings.measure.stands, **stands})


def decoder(options: CaptureOptions) -> Callable[[bytes], Pixels]:
    """What turns the bytes of a picture file into pixels, within the configured limits."""
    return lambda data: decode_picture(data, max_pixels=options.max_pixels)


def open_source(spec: SourceSpec, options: CaptureOptions) -> Camera:
    """An opened camera, file or folder; the caller closes it."""
    return open_camera(spec, options, decode=decoder(options))
