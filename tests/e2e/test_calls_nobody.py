"""Nothing that runs here calls home: no library keeps a device id, none looks for its maker's host."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from onlooker.wiring import cache_dir
from tests.conftest import skip_or_fail

pytestmark = pytest.mark.models

LOOK = """
import sys, time
from pathlib import Path
from processors.vision.nets import OnnxNet

OnnxNet(Path(sys.argv[1]))
time.sleep(float(sys.argv[2]))
"""
NAME_SERVICE = re.compile(r"connect\(\d+, \{sa_family=AF_INET6?, sin6?_port=htons\(53\)")
ANYBODY_ELSE = re.compile(r"sin_addr=inet_addr\(\"(?!127\.)")


def environment(home: Path) -> dict[str, str]:
    """As on a person's machine: CI, which quiets some libraries, is not set."""
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    return {
        **kept,
        "HOME": str(home),
        "ONLOOKER_CACHE": str(cache_dir()),
        "XDG_CACHE_HOME": str(home / "cache"),
    }


def files_in(home: Path) -> list[str]:
    """What was left in a home directory."""
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())


def test_looking_at_a_picture_leaves_nothing_in_the_home_directory(
    model_paths: Mapping[str, Path], tmp_path: Path
) -> None:
    picture = cache_dir() / "samples" / "single_face.jpg"
    command = [sys.executable, "-m", "onlooker", "analyze", str(picture)]
    subprocess.run(command, env=environment(tmp_path), check=True, capture_output=True, timeout=120)
    assert files_in(tmp_path) == []


@pytest.mark.slow
def test_a_network_asks_for_nobodys_address(model_paths: Mapping[str, Path], tmp_path: Path) -> None:
    """The library began to ask some seconds after it had been loaded, in a thread of its own."""
    if shutil.which("strace") is None:
        skip_or_fail("strace", "strace is not installed: apt-get install strace")
    trace, home = tmp_path / "trace", tmp_path / "home"
    home.mkdir()
    command = ["strace", "-f", "-qq", "-e", "trace=connect", "-o", str(trace), sys.executable, "-c", LOOK]
    subprocess.run(
        [*command, str(model_paths["age"]), "12"],
        env=environment(home),
        check=True,
        capture_output=True,
        timeout=120,
    )
    calls = trace.read_text(encoding="utf-8", errors="replace").splitlines()
    assert not [call for call in calls if NAME_SERVICE.search(call) or ANYBODY_ELSE.search(call)]
    assert files_in(home) == []
