"""The configuration: one YAML file, unknown settings refused, every default in one place."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from onlooker.settings.clickhouse_section import ClickHouseSettings
from onlooker.settings.refusals import refusal
from onlooker.settings.yaml_text import read_yaml
from processors.observe.identity import IdentityOptions
from processors.observe.observer import ObserveOptions
from processors.observe.perception.detection import DetectionOptions
from processors.observe.traits import TraitOptions
from processors.runtime.work.options import WorkOptions
from processors.thresholds import MeasureOptions, StandOptions
from producers.brokers.plan import TopicOptions
from producers.cameras.sources import redacted
from producers.options import CaptureOptions, PublishOptions
from producers.playlist import PlaylistOptions, Slot
from schemas.broker import BrokerOptions
from schemas.errors import UsageError
from schemas.wire.registry import RegistryOptions
from sinks.service.options import SinkOptions

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[\w.@:-]+\Z")]
StageModel = Literal["detection", "mesh", "template", "expression", "age", "gender"]

HIDDEN = "***"
Section = TypeVar("Section", bound=msgspec.Struct)

LONGEST_STAND_NAME = 120
"""Of a stand named after its file: a number may follow."""

DEFAULT_PLAYLIST = PlaylistOptions(slots=(Slot(campaign_id="default", creative_id="default", duration_s=10),))
"""What a stand without a playlist is taken to show: one creative of ten seconds, over and over."""


class CameraSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One camera of a stand."""

    source: Annotated[str, msgspec.Meta(min_length=1)]
    """Video file, picture folder, USB index, RTSP or HTTP URL; files relative to the configuration."""
    camera_id: Name | None = None
    """Default: `camera-1`, `camera-2` ... in their order."""
    start_at: datetime | None = None
    """Event time of a recording's first frame; default: `capture.start_at`."""


class StandSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One advertising stand: its cameras, its screen, what it plays."""

    stand_id: Name
    cameras: Annotated[tuple[CameraSettings, ...], msgspec.Meta(min_length=1)]
    screen: StandOptions = StandOptions()
    playlist: PlaylistOptions = DEFAULT_PLAYLIST


class PeopleSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may be recognised."""

    gallery: Path | None = None
    """A gallery made by `onlooker people enrol`; None: nobody is recognised."""
    site_key: Path | None = None
    """The key file that opens the gallery; None: `site.key` inside it."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole configuration; every part has defaults."""

    stands: tuple[StandSettings, ...] = ()
    data_dir: Path = Path("onlooker-data")
    capture: CaptureOptions = CaptureOptions()
    detection: DetectionOptions = DetectionOptions()
    observe: ObserveOptions = ObserveOptions()
    traits: TraitOptions = TraitOptions()
    identity: IdentityOptions = IdentityOptions()
    people: PeopleSettings = PeopleSettings()
    measure: MeasureOptions = MeasureOptions()
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    kafka: BrokerOptions = BrokerOptions()
    registry: RegistryOptions = RegistryOptions()
    topics: TopicOptions = TopicOptions()
    publish: PublishOptions = PublishOptions()
    sink: SinkOptions = SinkOptions()
    work: WorkOptions = WorkOptions()
    models: dict[StageModel, Path] = {}
    """A user's own ONNX file in place of a stage's model."""


def load_settings(path: Path | None) -> Settings:
    """The configuration of a file, or the defaults.

    Args:
        path: a YAML file; None for the defaults.

    Returns:
        Settings whose relative paths are taken from the file's folder.

    Raises:
        UsageError: The file is missing, no YAML, or says something that is not allowed; names file and path.
    """
    if path is None:
        return Settings()
    document = read_yaml(path)
    try:
        settings = msgspec.convert(document.value, Settings, strict=False, dec_hook=_path_of)
    except msgspec.ValidationError as error:
        raise refusal(error, Settings, path, document.lines) from error
    _check_names(settings, path)
    _check_passwords(settings, path)
    return _beside(settings, path.resolve().parent)


def _path_of(kind: type, value: object) -> object:
    """Paths are written as text."""
    if kind is Path and isinstance(value, str) and value:
        return Path(value)
    raise msgspec.ValidationError("Expected a path")


def _check_names(settings: Settings, path: Path) -> None:
    """Refuse two stands of one name, or two cameras of one name at a stand."""
    for i, stand in enumerate(settings.stands):
        if stand.stand_id in [other.stand_id for other in settings.stands[:i]]:
            raise UsageError(f"{path}: stands[{i}].stand_id: there are two stands {stand.stand_id!r}.")
        names = camera_names(stand)
        if len(names) != len(set(names)):
            raise UsageError(
                f"{path}: stands[{i}].cameras: two cameras have the same camera_id; without one, a camera is "
                "called by its place, camera-1 and so on."
            )


def camera_names(stand: StandSettings) -> list[str]:
    """What the cameras of a stand are called, in their order."""
    return [camera.camera_id or f"camera-{number}" for number, camera in enumerate(stand.cameras, start=1)]


def _check_passwords(settings: Settings, path: Path) -> None:
    """Refuse a password in a file that is copied, mailed and kept in version control."""
    for section in ("kafka", "clickhouse", "registry"):
        if getattr(settings, section).password is not None:
            raise UsageError(
                f"{path}: {section}.password: a password does not belong in this file: set "
                f"ONLOOKER_{section.upper()}_PASSWORD, or name a file with it in {section}.password_file."
            )


def _beside(settings: Settings, folder: Path) -> Settings:
    """Relative paths of a configuration are meant relative to its own folder."""
    return msgspec.structs.replace(
        settings,
        stands=_with_cameras(settings.stands, lambda camera: _camera_beside(camera, folder)),
        data_dir=folder / settings.data_dir,
        people=_files_beside(settings.people, folder),
        kafka=_files_beside(settings.kafka, folder),
        registry=_files_beside(settings.registry, folder),
        clickhouse=_files_beside(settings.clickhouse, folder),
        models={stage: folder / model for stage, model in settings.models.items()},
    )


def _files_beside(part: Section, folder: Path) -> Section:
    """The same for the files of a part: secrets and certificates, the gallery and its key."""
    said = msgspec.structs.asdict(part).items()
    files = {name: folder / value for name, value in said if isinstance(value, Path)}
    return msgspec.structs.replace(part, **files)


def _with_cameras(
    stands: tuple[StandSettings, ...], change: Callable[[CameraSettings], CameraSettings]
) -> tuple[StandSettings, ...]:
    replace = msgspec.structs.replace
    return tuple(replace(stand, cameras=tuple(map(change, stand.cameras))) for stand in stands)


def _camera_beside(camera: CameraSettings, folder: Path) -> CameraSettings:
    beside = folder / camera.source
    if "://" not in camera.source and beside.exists():
        return msgspec.structs.replace(camera, source=str(beside))
    return camera


def with_sources(settings: Settings, sources: tuple[str, ...]) -> Settings:
    """The settings with stands for sources named on the command line: a stand each.

    Args:
        settings: the configuration; its own stands are replaced when there are sources.
        sources: as given by `--source`.

    Returns:
        New settings. A stand is named after its file or folder, otherwise `stand-N`.
    """
    if not sources:
        return settings
    taken: list[str] = []
    stands = []
    for number, source in enumerate(sources, start=1):
        name = _stand_name(source, number)
        name = f"{name}-{number}" if name in taken else name
        taken.append(name)
        stands.append(StandSettings(stand_id=name, cameras=(CameraSettings(source=source),)))
    return msgspec.structs.replace(settings, stands=tuple(stands))


def _stand_name(source: str, number: int) -> str:
    path = Path(source)
    if "://" in source or not path.exists():
        return f"stand-{number}"
    words = "".join(c if c.isalnum() or c in "._-" else "-" for c in path.resolve().stem).strip("-.")
    return words[:LONGEST_STAND_NAME] or f"stand-{number}"


def without_secrets(settings: Settings) -> Settings:
    """The settings as they may be shown: no password of a camera or a database in them.

    Returns:
        The same with passwords and the credentials of URLs replaced by `***`.
    """
    replace = msgspec.structs.replace
    return replace(
        settings,
        stands=_with_cameras(settings.stands, lambda camera: replace(camera, source=redacted(camera.source))),
        clickhouse=_without_secrets(settings.clickhouse),
        kafka=_without_secrets(settings.kafka),
        registry=_without_secrets(settings.registry),
    )


def _without_secrets(part: Section) -> Section:
    """The same for a connection."""
    said = msgspec.structs.asdict(part)
    hidden = {"password": HIDDEN} if said["password"] is not None else {}
    if said.get("url") is not None:
        hidden["url"] = redacted(said["url"])
    return msgspec.structs.replace(part, **hidden)
