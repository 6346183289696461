"""Commands of the project that write down what they use."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.ways import tracer

ROOT = Path(__file__).resolve().parents[2]
LONGEST_S = 300.0
"""For one command to end."""


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """A function of the project on its first use in a process and a stage."""

    process: str
    stage: int
    at_ns: int
    path: str
    function: str
    first: int
    last: int
    """Lines of the file."""


class Traced:
    """Commands of the project that write down what they use.

    Args:
        folder: for traces, logs and data; made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._traces = folder / "traces"
        self._path = folder / "path"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._traces.mkdir(parents=True)
        self._path.mkdir()
        shutil.copyfile(tracer.__file__, self._path / "sitecustomize.py")
        (self._traces / "stage").write_bytes(b"\0")

    def enter_stage(self, stage: int) -> None:
        """From here on it is another stage of the way, for every process."""
        with (self._traces / "stage").open("r+b") as file:
            file.write(bytes([stage]))

    def start(self, process: str, *arguments: str | Path) -> subprocess.Popen[bytes]:
        """Start `onlooker ARGUMENTS` as a process of the way."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(self._path),
            tracer.FOLDER: str(self._traces),
            tracer.ROOT: str(ROOT),
            tracer.PROCESS: process,
        }
        with (self.folder / f"{process}.log").open("ab") as log:
            started = subprocess.Popen(
                [sys.executable, "-m", "onlooker", *map(str, arguments)],
                stdout=log,
                stderr=log,
                env=environment,
                cwd=ROOT,
            )
        self._running[process] = started
        return started

    def run(self, process: str, *arguments: str | Path) -> None:
        """Run `onlooker ARGUMENTS` to its end as a process of the way."""
        self.start(process, *arguments).wait(LONGEST_S)
        self.check()

    def check(self) -> None:
        """Fail when a process has ended badly."""
        for name, process in self._running.items():
            assert not process.poll(), f"{name} ended with {process.poll()}: see {self.folder / name}.log"

    def stop(self) -> None:
        """Ask every service to end, and wait for it."""
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        for process in self._running.values():
            process.wait(LONGEST_S)

    def kill(self) -> None:
        """End whatever still runs."""
        for process in self._running.values():
            process.kill()
            process.wait()

    def uses(self, order: Sequence[str]) -> list[Use]:
        """All that was used: process after process in a reader's order, each in the order of time."""
        found = []
        for file in self._traces.glob("*.trace"):
            process = file.name.rsplit("-", 1)[0]
            for line in file.read_text(encoding="utf-8").splitlines():
                stage, at_ns, path, function, first, last = line.split("\t")
                found.append(
                    Use(
                        process=process,
                        stage=int(stage),
                        at_ns=int(at_ns),
                        path=path,
                        function=function,
                        first=int(first),
                        last=int(last),
                    )
                )
        return sorted(found, key=lambda use: (order.index(use.process), use.at_ns))
