"""Writes down, in a process of a way, every function of the project on its first use.

`tests/ways/traced.py` puts it on the path of each process as `sitecustomize`, so that it runs before anything
else; it therefore imports nothing of the project.
"""

import mmap
import os
import sys
import threading
import time
from pathlib import Path
from types import CodeType, FrameType

FOLDER = "ONLOOKER_WAYS"
"""Environment: where the lines go; with the file `stage`, one byte that is 0 while the services start."""
PROCESS = "ONLOOKER_WAYS_PROCESS"
"""Environment: what the process is called; its children are called the same."""
ROOT = "ONLOOKER_WAYS_ROOT"
"""Environment: the repository."""
PACKAGES = ("onlooker", "producers", "processors", "sinks", "schemas")
OPTIMIZED = 0x1
"""Flag of a function's code, which the body of a class lacks."""


class Tracer:
    """Notes functions of the project, each once in every stage; what modules run at import is left out.

    Args:
        folder: for the lines; holds the file `stage`.
        root: of the repository.
        process: what this process is called.
    """

    def __init__(self, folder: Path, root: Path, process: str) -> None:
        self._prefixes = tuple(f"{root}/{package}/" for package in PACKAGES)
        self._cut = len(f"{root}/")
        self._lines = os.open(
            folder / f"{process}-{os.getpid()}.trace", os.O_WRONLY | os.O_APPEND | os.O_CREAT
        )
        with (folder / "stage").open("rb") as stage:
            self._stage = mmap.mmap(stage.fileno(), 1, access=mmap.ACCESS_READ)
        self._known_in = self._stage[0]
        self._known: dict[int, CodeType] = {}
        """By identity, because equal functions of two files are equal as code."""

    def is_ours(self, code: CodeType) -> bool:
        """Whether it is a function of the project with a name of its own."""
        named = bool(code.co_flags & OPTIMIZED) and not code.co_name.startswith("<")
        return named and code.co_filename.startswith(self._prefixes)

    def enter(self, frame: FrameType) -> None:
        """A function begins or goes on.

        Args:
            frame: its.
        """
        if self._stage[0] != self._known_in:
            self._known_in = self._stage[0]
            self._known.clear()
        code = frame.f_code
        if id(code) in self._known:
            return
        if not self.is_ours(code):
            self._known[id(code)] = code
            return
        for outer in reversed(_stack(frame)):
            if id(outer) not in self._known and self.is_ours(outer):
                self._known[id(outer)] = outer
                self._write(outer)

    def _write(self, code: CodeType) -> None:
        last = max(end for _, end, _, _ in code.co_positions() if end is not None)
        path = code.co_filename[self._cut :]
        fields = (self._known_in, time.monotonic_ns(), path, code.co_qualname, code.co_firstlineno, last)
        os.write(self._lines, ("\t".join(map(str, fields)) + "\n").encode())


def _stack(frame: FrameType) -> list[CodeType]:
    """The code of a frame and of all around it; nothing while a module is being imported."""
    codes = []
    around: FrameType | None = frame
    while around is not None:
        if around.f_code.co_name == "<module>" and around.f_globals.get("__name__") != "__main__":
            return []
        codes.append(around.f_code)
        around = around.f_back
    return codes


def start() -> None:
    """Trace this process and all its threads, if its environment asks for it."""
    if FOLDER not in os.environ:
        return
    tracer = Tracer(Path(os.environ[FOLDER]), Path(os.environ[ROOT]), os.environ[PROCESS])

    def profile(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            tracer.enter(frame)

    threading.setprofile(profile)
    sys.setprofile(profile)


start()
