"""What a recording says about itself: versions, models, configuration, and who allowed pictures."""

import getpass
import importlib.metadata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from onlooker.models.cache import digest_of
from onlooker.recordings.blur import blurred
from onlooker.settings.configuration import Settings, without_secrets
from onlooker.wiring.perception import build_networks, decoder, measure_options, model_files
from processors.observe.perception.detection import FaceDetector
from producers.publish.pictures import encode_picture
from schemas.clocks import Clocks
from schemas.errors import BadPictureError, DependencyAwayError, UsageError
from schemas.events import FrameCaptured
from schemas.ports import Pixels
from schemas.recording.manifest import Grant, Manifest
from schemas.topics import Topic

SECRETS = ("password", "password_file", "key_file")


def manifest_of(
    settings: Settings, source: Literal["kafka", "run"], topics: Mapping[Topic, str] | None = None
) -> Manifest:
    """The manifest of a recording that is about to begin, without files, and without what is secret."""
    options = measure_options(settings)
    return Manifest(
        program_version=importlib.metadata.version("onlooker"),
        source=source,
        created_us=Clocks().now_us(),
        topics={str(topic): topic_id for topic, topic_id in (topics or {}).items()},
        metric_versions={s.stand_id: options.metric_version(s.stand_id) for s in settings.stands},
        models=_models(settings),
        git_revision=_git_revision(Path(__file__).resolve().parents[2]),
        configuration=_configuration(settings),
    )


def grant_of(duration_us: int | None, reason: str | None, *, from_us: int, blur: bool) -> Grant | None:
    """The leave to record pictures that the command line gives; None when it gives none.

    Args:
        duration_us: for how long; None: pictures are not recorded.
        reason: why, in words.
        from_us: since when, us UTC.
        blur: whether faces are made unrecognisable.

    Raises:
        UsageError: one of the two is missing.
    """
    if duration_us is None and reason is None and not blur:
        return None
    if duration_us is None or not (reason or "").strip():
        raise UsageError(
            "Pictures are recorded only for a time and a reason: say both --frames-for 10m and --reason TEXT."
        )
    return Grant(
        reason=str(reason).strip(),
        granted_us=Clocks().now_us(),
        by=getpass.getuser(),
        from_us=from_us,
        until_us=from_us + duration_us,
        faces_blurred=blur,
    )


def face_hiding(settings: Settings) -> Callable[[Pixels], Pixels]:
    """What makes the faces of a picture unrecognisable; those that the detector misses stay.

    Raises:
        DependencyAwayError: a model is not prepared.
    """
    detector = FaceDetector(build_networks(settings).nets["detection"], settings.detection)
    return lambda picture: blurred(picture, [each.box_px for each in detector.detect_thoroughly(picture)])


def frame_hiding(settings: Settings) -> Callable[[FrameCaptured], FrameCaptured | None]:
    """The same for frames as they travel; None of a picture that cannot be read."""
    hide, decode = face_hiding(settings), decoder(settings.capture)

    def hidden(frame: FrameCaptured) -> FrameCaptured | None:
        try:
            pixels = hide(decode(frame.picture))
            found = encode_picture(pixels, settings.publish, lossless=frame.encoding == "png")
        except BadPictureError:
            return None
        return msgspec.structs.replace(frame, **msgspec.structs.asdict(found))

    return hidden


def _models(settings: Settings) -> dict[str, str]:
    try:
        return {stage: digest_of(path) for stage, path in model_files(settings).items()}
    except (DependencyAwayError, UsageError):
        return {}


def _configuration(settings: Settings) -> Any:
    plain = msgspec.to_builtins(without_secrets(settings), enc_hook=str)
    for section in ("kafka", "clickhouse", "registry"):
        plain[section] = {name: each for name, each in plain[section].items() if name not in SECRETS}
    return plain


def _git_revision(folder: Path) -> str | None:
    """The commit of a checkout that this program runs from; None when it is installed."""
    try:
        head = (folder / ".git" / "HEAD").read_text(encoding="ascii").strip()
        if not head.startswith("ref: "):
            return head
        return (folder / ".git" / head.removeprefix("ref: ")).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
