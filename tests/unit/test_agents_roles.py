"""Both roles of `work` as processes: they end together, and with the process that started them."""

import io
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from onlooker.cli.watched import TelemetryFlags
from onlooker.cli.work import commands_of, work
from onlooker.wiring.work import DESKS
from onlooker.wiring.work_roles import leash, run_roles
from processors.runtime.work.options import Amounts, WorkOptions
from processors.topology import TOPOLOGY, stage_named

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
    commands = [[WAITS, str(mark)] for mark in marks]
    assert run_roles(commands, stop, stop_s=20) == 0
    assert all(mark.exists() for mark in marks)


@pytest.mark.parametrize(("ending", "code"), [("sys.exit(4)", 4), ("os.kill(os.getpid(), 9)", 128 + 9)])
def test_a_role_that_ends_by_itself_takes_the_other_along(tmp_path: Path, ending: str, code: int) -> None:
    begun_s = time.monotonic()
    commands = [[f"import os, sys; {ending}"], [WAITS, str(tmp_path / "b")]]
    assert run_roles(commands, threading.Event(), stop_s=20) == code
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
    code = run_roles([[stubborn, str(mark)]], stop, stop_s=0.2)
    assert code == 128 + signal.SIGKILL


def test_the_leash_ends_with_the_input() -> None:
    stop = threading.Event()
    leash(stop, io.BytesIO(b"words"))
    assert stop.wait(10)


def test_every_stage_has_a_desk_and_is_a_role() -> None:
    assert list(DESKS) == [stage.name for stage in TOPOLOGY]
    shown = CliRunner().invoke(work, ["--help"]).output
    assert f"[{'|'.join(DESKS)}|both|all]" in shown


def test_both_runs_every_role_with_its_own_port() -> None:
    options = {
        "config_path": Path("shop.yaml"),
        "bootstrap": None,
        "gallery": Path("people"),
        "telemetry_flags": TelemetryFlags(port=9102),
    }
    observe, measure = commands_of(options)
    shared = ["--metrics-host", "127.0.0.1", "--log-format", "text", "--config", "shop.yaml"]
    shared += ["--gallery", "people", "--metrics-port"]
    assert observe == ["work", "--role", "observe", *shared, "9102"]
    assert measure == ["work", "--role", "measure", *shared, "9103"]
    options |= {"telemetry_flags": TelemetryFlags(port=0), "gallery": None}
    assert all(command[-2:] == ["--metrics-port", "0"] for command in commands_of(options))
    options |= {"telemetry_flags": TelemetryFlags()}
    assert all("--metrics-port" not in command for command in commands_of(options))


def test_what_a_stage_has_in_hand_follows_from_its_entry() -> None:
    options = WorkOptions(batch_events=5, batch_frames=3, buffer_events=50, buffer_frames=30)
    hands = [options.amounts(stage_named(name).takes) for name in ("observe", "measure")]
    assert hands == [Amounts(batch=3, poll=30, buffer=30), Amounts(batch=5, poll=5, buffer=50)]
