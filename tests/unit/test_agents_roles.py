"""Both roles of `work` as processes: they end together, and with the process that started them."""

import io
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from onlooker.wiring.work_roles import leash, run_roles

WAITS = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
open(sys.argv[1], "w").close()
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _any_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """The roles here are small programs: `python -c CODE FILE --leashed` in place of `python -m onlooker`."""
    started = subprocess.Popen

    def popen(command: list[str], **options: object) -> object:
        return started([sys.executable, "-c", *command[3:]], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", popen)


def test_the_first_signal_ends_both(tmp_path: Path) -> None:
    stop, marks = threading.Event(), [tmp_path / "a", tmp_path / "b"]

    def stop_when_started() -> None:
        until_s = time.monotonic() + 20
        while not all(mark.exists() for mark in marks) and time.monotonic() < until_s:
            time.sleep(0.01)
        stop.set()

    threading.Thread(target=stop_when_started, daemon=True).start()
    commands = [("observe", [WAITS, str(marks[0])]), ("measure", [WAITS, str(marks[1])])]
    assert run_roles(commands, stop, stop_s=20) == 0  # type: ignore[arg-type]
    assert all(mark.exists() for mark in marks)


@pytest.mark.parametrize(("ending", "code"), [("sys.exit(4)", 4), ("os.kill(os.getpid(), 9)", 128 + 9)])
def test_a_role_that_ends_by_itself_takes_the_other_along(tmp_path: Path, ending: str, code: int) -> None:
    begun_s = time.monotonic()
    commands = [("observe", [f"import os, sys; {ending}"]), ("measure", [WAITS, str(tmp_path / "b")])]
    assert run_roles(commands, threading.Event(), stop_s=20) == code  # type: ignore[arg-type]
    assert time.monotonic() - begun_s < 19


def test_a_role_that_does_not_end_is_killed(tmp_path: Path) -> None:
    mark = tmp_path / "a"
    stubborn = WAITS.replace("lambda *_: sys.exit(0)", "signal.SIG_IGN")
    stop = threading.Event()

    def stop_when_started() -> None:
        while not mark.exists():
            time.sleep(0.01)
        stop.set()

    threading.Thread(target=stop_when_started, daemon=True).start()
    code = run_roles([("observe", [stubborn, str(mark)])], stop, stop_s=0.2)
    assert code == 128 + signal.SIGKILL


def test_the_leash_ends_with_the_input() -> None:
    stop = threading.Event()
    leash(stop, io.BytesIO(b"words"))
    assert stop.wait(10)
