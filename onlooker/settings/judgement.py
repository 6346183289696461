"""Every rule that a configuration must keep, in one place: `config check` and all verbs go through it."""

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from onlooker.settings.flags import SERVERS, Server
from onlooker.settings.instants import require_believable
from processors.thresholds import StandOptions
from producers.cameras.folder import folder_rate
from producers.cameras.sources import checked_source, parse_source
from producers.playlist import playlist_from
from schemas.clocks import Clocks
from schemas.errors import SettingError, UsageError
from schemas.files import require_folder, require_readable, words_of
from schemas.names import quoted
from schemas.wire.confluent import checked_url
from sinks.ownership import check_name

if TYPE_CHECKING:
    from onlooker.settings.configuration import CameraSettings, Settings


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What a verb will open on this machine, so that it must be there."""

    sources: bool = False
    stands: tuple[str, ...] = ()
    """Of these stands only; empty: of all."""
    models: bool = False
    """A user's own; whether the others are prepared is no matter of the configuration."""
    people: bool = False
    data_dir: bool = False


NOTHING = Needs()
EVERYTHING = Needs(sources=True, models=True, people=True, data_dir=True)


def judge(settings: "Settings") -> None:
    """Judge what the text of a configuration says by itself, wherever it is read.

    Raises:
        SettingError: something cannot be meant.
    """
    _judge_numbers(settings, "")
    _judge_passwords(settings)
    _judge_names(settings)
    for name, screen in settings.measure.stands.items():
        _judge_zone(screen, f"measure.stands.{name}.zone")
    for i, stand in enumerate(settings.stands):
        _judge_zone(stand.screen, f"stands[{i}].screen.zone")
        for part, playlist in (
            ("opening.time_zone", msgspec.structs.replace(stand.playlist, anchor=None)),
            ("anchor", stand.playlist),
        ):
            with about(f"stands[{i}].playlist.{part}"):
                playlist_from(playlist, 0)
        for j, camera in enumerate(stand.cameras):
            with about(f"stands[{i}].cameras[{j}].source"):
                checked_source(camera.source)


def judge_servers(settings: "Settings", servers: tuple[Server, ...]) -> None:
    """Judge how servers are to be reached, once flags and environment have been heard; none is asked.

    Args:
        settings: in force.
        servers: those to be connected to.

    Raises:
        SettingError: an address is not what it must be.
    """
    if "kafka" in servers:
        with about("kafka.bootstrap"):
            settings.kafka.check_servers()
    if "clickhouse" in servers:
        with about("clickhouse.url"):
            settings.clickhouse.address()
    if "registry" in servers and settings.registry.url is not None:
        with about("registry.url"):
            checked_url(settings.registry.url)


def judge_here(settings: "Settings", needs: Needs, servers: tuple[Server, ...] = ()) -> None:
    """Judge what a configuration names on this machine.

    Args:
        settings: in force.
        needs: what is opened here.
        servers: those to be connected to, whose certificates are read.

    Raises:
        SettingError: a source, a model, a gallery, a certificate or a folder is not there, or not fit to be
            used.
    """
    _judge_certificates(settings, servers)
    if needs.sources:
        _judge_sources(settings, needs.stands)
    if needs.models:
        _judge_models(settings.models)
    if needs.people and settings.people.gallery is not None:
        from onlooker.people.store import open_store

        with about("people.gallery"):
            open_store(settings.people.gallery, settings.people.site_key)
    if needs.data_dir and settings.clickhouse.url is None:
        with about("data_dir"):
            check_name(settings.data_dir)
            require_folder(settings.data_dir)


def _judge_certificates(settings: "Settings", servers: tuple[Server, ...]) -> None:
    address = settings.clickhouse.address() if "clickhouse" in servers else None
    if address is not None:
        with about("clickhouse"):
            address.tls.client_arguments()
    files = settings.kafka.tls_files() if "kafka" in servers else {}
    for file in files.values():
        with about("kafka"):
            require_readable(Path(file))
    authority = settings.registry.ca_file
    if "registry" in servers and settings.registry.url is not None and authority is not None:
        with about("registry.ca_file"):
            require_readable(authority)


def _judge_sources(settings: "Settings", only: tuple[str, ...]) -> None:
    for i, stand in enumerate(settings.stands):
        for j, camera in enumerate(stand.cameras):
            if not only or stand.stand_id in only:
                with about(f"stands[{i}].cameras[{j}].source"):
                    spec = parse_source(camera.source)
                    if spec.kind == "folder":
                        folder_rate(Path(spec.target), settings.capture)
                if spec.is_recording:
                    _judge_start(settings, camera, f"stands[{i}].cameras[{j}].start_at")


def _judge_start(settings: "Settings", camera: "CameraSettings", setting: str) -> None:
    start_at, its = camera.start_at, setting
    if start_at is None:
        start_at, its = settings.capture.start_at, "capture.start_at"
    with about(its):
        require_believable(f"The recording {quoted(camera.source)}", start_at, Clocks().now_us())


def _judge_models(models: Mapping[Any, Path]) -> None:
    from onlooker.models.overrides import check_fit
    from onlooker.models.registry import load_registry

    for stage, path in models.items():
        with about(f"models.{stage}"):
            check_fit(load_registry().model(stage), path)


@contextmanager
def about(setting: str) -> Iterator[None]:
    """What is refused inside the block is said of a setting.

    Raises:
        SettingError: something was refused, or its file cannot be used.
    """
    try:
        yield
    except SettingError:
        raise
    except UsageError as error:
        raise SettingError(setting, str(error)) from error
    except OSError as error:
        where = "" if error.filename is None else f"{quoted(os.fsdecode(error.filename))} cannot be used: "
        raise SettingError(setting, f"{where}{words_of(error)}.") from error


def _judge_numbers(value: Any, path: str) -> None:
    """YAML has infinity, and a number that is none; nothing here means them."""
    if isinstance(value, msgspec.Struct):
        for name, inside in msgspec.structs.asdict(value).items():
            _judge_numbers(inside, f"{path}.{name}".lstrip("."))
    elif isinstance(value, Mapping):
        for name, inside in value.items():
            _judge_numbers(inside, f"{path}.{name}")
    elif isinstance(value, tuple):
        for number, inside in enumerate(value):
            _judge_numbers(inside, f"{path}[{number}]")
    elif isinstance(value, float) and not math.isfinite(value):
        raise SettingError(path, f"{value} is no number that can be meant.")


def _judge_names(settings: "Settings") -> None:
    """Refuse two stands of one name, or two cameras of one name at a stand."""
    for i, stand in enumerate(settings.stands):
        if stand.stand_id in [other.stand_id for other in settings.stands[:i]]:
            raise SettingError(f"stands[{i}].stand_id", f"there are two stands {stand.stand_id!r}.")
        names = stand.camera_ids
        for j, name in enumerate(names):
            if name in names[:j]:
                raise SettingError(
                    f"stands[{i}].cameras[{j}]",
                    f"two cameras have the same camera_id {name!r} (without one, a camera has its number).",
                )


def _judge_zone(screen: StandOptions, setting: str) -> None:
    """Refuse a zone in which nobody can be."""
    if screen.zone is not None and any(min(along) == max(along) for along in zip(*screen.zone, strict=True)):
        raise SettingError(setting, "it surrounds nothing: name two opposite corners, or three and more.")


def _judge_passwords(settings: "Settings") -> None:
    """Refuse a password in a file that is copied, mailed and kept in version control."""
    for section in SERVERS:
        if getattr(settings, section).password is not None:
            raise SettingError(
                f"{section}.password",
                "a password does not belong in this file: set "
                f"ONLOOKER_{section.upper()}_PASSWORD, or name a file with it in {section}.password_file.",
            )
