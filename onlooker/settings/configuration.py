"""The configuration: one YAML file, unknown settings refused, every default in one place."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from onlooker.settings.clickhouse_section import ClickHouseSettings
from onlooker.settings.judgement import judge
from onlooker.settings.refusals import placed, refusal
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
    start_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    """Event time of a recording's first frame, with its time zone; default: `capture.start_at`."""


class StandSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One advertising stand: its cameras, its screen, what it plays."""

    stand_id: Name
    cameras: Annotated[tuple[CameraSettings, ...], msgspec.Meta(min_length=1)]
    screen: StandOptions = StandOptions()
    playlist: PlaylistOptions = DEFAULT_PLAYLIST

    @property
    def camera_ids(self) -> list[str]:
        """What the cameras are called, in their order."""
        return [camera.camera_id or f"camera-{number}" for number, camera in enumerate(self.cameras, start=1)]


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
    settings = _beside(settings, path.resolve().parent)
    with placed(path):
        judge(settings)
    return settings


def _path_of(kind: type, value: object) -> object:
    """Paths are written as text."""
    if kind is Path and isinstance(value, str) and value and "\0" not in value:
        return Path(value)
    raise ValueError("Expected a path")


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
    if os.path.exists(beside):  # noqa: PTH110 - never raises
        return msgspec.structs.replace(camera, source=str(beside))
    return camera


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says about sources."""

    names: tuple[str, ...] = ()
    """As given by `--source`."""
    start_at: datetime | None = None
    """Event time of the first frame of recordings; None: as configured."""
    fps: float | None = None
    """Rate of picture folders, frames/s; None: as configured."""


def with_sources(settings: Settings, told: Sources) -> Settings:
    """The settings with stands for sources named on the command line: a stand each.

    Args:
        settings: the configuration; its own stands are replaced when there are sources.
        told: the sources.

    Returns:
        New settings. A stand is named after its file or folder, otherwise `stand-N`.

    Raises:
        UsageError: time or rate are told of no source.
    """
    sources = told.names
    if not sources:
        if told.start_at is not None or told.fps is not None:
            raise UsageError(
                "--start-at and --fps go with --source; a configuration has `start_at` and "
                "`capture.folder_fps`."
            )
        return settings
    changes = {"start_at": told.start_at, "folder_fps": told.fps}
    capture = msgspec.structs.replace(
        settings.capture, **{name: value for name, value in changes.items() if value is not None}
    )
    taken: list[str] = []
    stands = []
    for number, source in enumerate(sources, start=1):
        name = wanted = _stand_name(source, number)
        while name in taken:
            name = f"{wanted}-{number}"
            number += 1  # noqa: PLW2901 - until nobody has it
        taken.append(name)
        stands.append(StandSettings(stand_id=name, cameras=(CameraSettings(source=source),)))
    return msgspec.structs.replace(settings, stands=tuple(stands), capture=capture)


def _stand_name(source: str, number: int) -> str:
    if not os.path.exists(source):  # noqa: PTH110 - never raises
        return f"stand-{number}"
    words = "".join(c if c.isalnum() or c in "._-" else "-" for c in Path(source).resolve().stem).strip("-.")
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
