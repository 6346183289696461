"""A service as an operator's supervisor runs it: started again at once whenever it dies."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import msgspec

HASTY_S = 5.0
"""A service that ends by itself sooner than this waits a second before it is started again."""


class Exit(msgspec.Struct, frozen=True, kw_only=True):
    """One end of a process."""

    name: str
    at_s: float
    """By the monotonic clock."""
    code: int
    """Negative: ended by that signal."""
    struck: bool
    """Whether it was killed on purpose."""


class Supervised:
    """One service process and all its successors.

    Args:
        name: of the service and its log.
        command: what to run.
        folder: for the log, to which every process adds.
        environment: variables beside those of this process.
        ends: whether exit code 0 means that its work is done.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        ends: bool = False,
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.exits: list[Exit] = []
        self.starts = 0
        self.done = threading.Event()
        self._command = list(command)
        self._environment = {**os.environ, **(environment or {})}
        self._ends = ends
        self._stopping = False
        self._struck = False
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._supervise, name=f"supervise-{name}", daemon=True)

    def start(self) -> Self:
        """Start it, and watch over it from now on."""
        self._spawn()
        self._thread.start()
        return self

    def strike(self, word: signal.Signals = signal.SIGKILL) -> int | None:
        """Send a signal to the process that runs now.

        Returns:
            Its number; None when none runs just now.
        """
        with self._lock:
            process = self._process
            if process is None or process.poll() is not None:
                return None
            self._struck = self._struck or word == signal.SIGKILL
            process.send_signal(word)
            return process.pid

    def resume(self, pid: int) -> None:
        """Let a stopped process go on, if it is still the one that runs."""
        with self._lock:
            if self._process is not None and self._process.pid == pid:
                self._process.send_signal(signal.SIGCONT)

    def stop(self, timeout_s: float = 20.0) -> None:
        """End it for good: by SIGTERM, and by force when that takes too long."""
        with self._lock:
            self._stopping = True
            process = self._process
        if process is not None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    @property
    def pid(self) -> int | None:
        """The number of the process that runs now."""
        return None if self._process is None else self._process.pid

    @property
    def failures(self) -> list[Exit]:
        """Ends that nobody caused and that do not mean that its work is done."""
        return [end for end in self.exits if not end.struck and not (self._ends and end.code == 0)]

    def last_words(self, lines: int = 15) -> str:
        """The end of its log."""
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _spawn(self) -> None:
        with self._lock, self.log.open("ab") as log:
            if self._stopping:
                return
            self._struck = False
            self.starts += 1
            log.write(f"--- start {self.starts} of {self.name}\n".encode())
            log.flush()
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment
            )

    def _supervise(self) -> None:
        while True:
            process = self._process
            assert process is not None
            started_s = time.monotonic()
            code = process.wait()
            with self._lock:
                if self._stopping:
                    return
                end = Exit(name=self.name, at_s=time.monotonic(), code=code, struck=self._struck)
                self.exits.append(end)
            if self._ends and code == 0:
                self.done.set()
                return
            if not end.struck and end.at_s - started_s < HASTY_S:
                time.sleep(1.0)
            self._spawn()
            if self._stopping:
                return
