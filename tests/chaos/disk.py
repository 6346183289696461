"""A broker's disk that can be made full: a memory file system of its own, shrunk to what is on it."""

import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

WHOLE = "8g"
"""What fits before it is full and after room was made; only what is used takes memory."""
SPARE = 65_536
"""What may be written between a look and the shrinking, bytes; more when it was not enough."""


class SmallDisk:
    """A memory file system over a folder while it is entered.

    Args:
        folder: made when it is missing; what is in it lies hidden meanwhile.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.is_there = False
        """False where this process may not mount: the disk cannot be made full then."""

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self.is_there = _mounted("-t", "tmpfs", "-o", f"size={WHOLE}", "tmpfs", self._folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_there:
            subprocess.run(["umount", "--lazy", self._folder], check=True)

    def fill(self) -> None:
        """Leave no room; what is written meanwhile still fits."""
        for spare in range(0, 64 * SPARE, SPARE):
            state = os.statvfs(self._folder)
            used = (state.f_blocks - state.f_bfree) * state.f_frsize
            if _mounted("-o", f"remount,size={used + spare}", self._folder):
                return
        raise OSError(f"{self._folder} cannot be made smaller")

    def make_room(self) -> None:
        """Make the disk as large as it was."""
        if not _mounted("-o", f"remount,size={WHOLE}", self._folder):
            raise OSError(f"{self._folder} cannot be made larger")


def _mounted(*arguments: str | Path) -> bool:
    try:
        done = subprocess.run(["mount", *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0
