"""Examines a machine: tries each thing that Onlooker needs and says what to do when it fails."""

import platform
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
from rich.table import Table
from rich.text import Text

from onlooker.doctor.servers import connection_checks
from onlooker.foreground.terminal import Terminal
from onlooker.settings.configuration import Settings
from schemas.errors import OnlookerError

FREE_BYTES = 2 * 1024**3
"""Less free space than this is worth a warning: a day of one stand takes a few MB, the models 40 MB."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was tried."""

    name: str = msgspec.field(name="check")
    good: bool
    words: str


def examine(config: Path | None = None, environ: Mapping[str, str] | None = None) -> list[Finding]:
    """Try everything, also the servers that a configuration or the environment names.

    Returns:
        A finding a check; none raises.
    """
    checks: dict[str, Callable[[], str]] = {
        "Python": _python,
        "models": _models,
        "networks": _networks,
        "video": _video,
        "ClickHouse": _clickhouse,
        "disk": _disk,
    }
    checks |= connection_checks(config, environ or {})
    return [_tried(name, check) for name, check in checks.items()]


def _tried(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name=name, good=True, words=check())
    except (OnlookerError, OSError, ImportError) as error:
        return Finding(name=name, good=False, words=str(error))


def _python() -> str:
    return f"{platform.python_version()} on {platform.system()} {platform.machine()}"


def _models() -> str:
    from onlooker.wiring import cache_dir
    from onlooker.wiring.perception import model_files

    model_files(Settings())
    return f"all prepared in {cache_dir()}"


def _networks() -> str:
    from onlooker.wiring import build_eyes

    eyes = build_eyes(Settings(), gallery=None)
    faces = eyes.observe_still(np.zeros((120, 160, 3), dtype=np.uint8))
    if faces:
        raise OnlookerError("a black picture shows a face: run `onlooker models verify`.")
    return "loaded and run"


def _video() -> str:
    from processors.observe.drawing import VideoWriter
    from producers.cameras.camera import open_camera
    from producers.cameras.grabs import Grab
    from producers.cameras.sources import parse_source
    from producers.options import CaptureOptions

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.webm"
        with closing(VideoWriter(path, 10)) as writer:
            for _ in range(2):
                writer.write(np.zeros((64, 64, 3), dtype=np.uint8))
        camera = open_camera(parse_source(str(path)), CaptureOptions(), decode=_unused)
        grab = camera.read()
        camera.close()
    if not isinstance(grab, Grab):
        raise OnlookerError("a video that was just written cannot be read: reinstall opencv-python-headless.")
    return "written and read again"


def _unused(_: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    raise OnlookerError("a video file must not be decoded as a picture")


def _clickhouse() -> str:
    from onlooker.wiring.database import serving

    with tempfile.TemporaryDirectory() as folder, serving(Settings(data_dir=Path(folder))) as there:
        version = there.store.check_version()
    return f"embedded server {version} started and answered"


def _disk() -> str:
    free = shutil.disk_usage(Path.cwd()).free
    if free < FREE_BYTES:
        raise OnlookerError(f"only {free / 1024**3:.1f} GiB free here: make room for at least 2 GiB.")
    return f"{free / 1024**3:.0f} GiB free in {Path.cwd()}"


def print_findings(findings: list[Finding]) -> None:
    """Print findings for a person."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for finding in findings:
        mark = Text("good", style="green") if finding.good else Text("bad", style="red")
        table.add_row(mark, finding.name, finding.words)
    Terminal().print(table)
