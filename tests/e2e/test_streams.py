"""The command on the terminals and pipes that people have: codes that are meant, no traceback."""

import codecs
import os
import pty
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from onlooker.foreground.streams import plainer
from onlooker.models.cache import ModelCache
from onlooker.wiring import cache_dir
from tests.e2e.command import COMMAND, onlooker

PATIENCE_S = 60.0


def test_a_reader_that_has_gone_is_no_trouble() -> None:
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run([*COMMAND, "schemas", "list"], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_failure_keeps_its_code_when_its_reader_has_gone(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [*COMMAND, "recording", "show", str(tmp_path / "none")]
    assert subprocess.run(command, stdout=write, stderr=subprocess.DEVNULL, check=False).returncode == 2
    os.close(write)


@pytest.mark.parametrize("closing", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_nothing_but_what_is_seen(closing: str) -> None:
    command = f"{' '.join(COMMAND)} config show {closing}"
    ended = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_full_disk_behind_the_output_is_said() -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [*COMMAND, "config", "show"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (ended.returncode, "the disk is full" in ended.stderr) == (4, True)


@pytest.mark.parametrize("encoding", ["iso-8859-1", "cp1252"])
def test_plainer_characters_are_written_where_a_terminal_lacks_one(encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [*COMMAND, "people", "list", "--gallery", "Geschäft-№1…"]
    ended = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert ended.returncode == 2
    end = "…" if encoding == "cp1252" else "..."
    assert ended.stderr.decode(encoding).startswith(f"onlooker: There is no gallery at 'Geschäft-No1{end}'.")


def test_plainer_characters_say_the_same() -> None:
    codecs.register_error("plainer", plainer)
    words = "Ümläut – 3×4 ≥ 5… ▁█ │ 日 \udce4".encode("ascii", "plainer")  # noqa: RUF001
    assert words == rb"Umlaut - 3x4 >= 5... _# | \u65e5 \xe4"


@pytest.mark.models
@pytest.mark.clickhouse
def test_a_lost_terminal_ends_a_run_and_writes_what_was_measured(
    model_paths: Mapping[str, Path], tmp_path: Path
) -> None:
    clip = ModelCache(cache_dir()).sample_path("WolfgangLanger_Pexels.mp4")
    arguments = ["run", "--source", str(clip), "--data-dir", str(tmp_path), "--pace", "real"]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(COMMAND[0], [*COMMAND, *arguments])
    deadline = time.monotonic() + PATIENCE_S
    while not plays(tmp_path):
        assert time.monotonic() < deadline, "the run wrote nothing"
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    asked = onlooker("query", "SELECT count() AS n FROM v_windows", "--data-dir", tmp_path, "--json")
    assert asked.json()["n"] >= 1, "the open window was closed and written"


def plays(data_dir: Path) -> int:
    """How many plays the running server has."""
    if not (data_dir / "connection.json").exists():
        time.sleep(0.1)
        return 0
    asked = onlooker("query", "SELECT count() AS n FROM plays", "--data-dir", data_dir, "--json")
    return int(asked.json()["n"]) if asked.code == 0 else 0
