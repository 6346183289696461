"""Runs the onlooker command as a person would, in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

COMMAND = (sys.executable, "-m", "onlooker")


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Its stdout as one JSON value."""
        return json.loads(self.out)

    def lines(self) -> list[dict[str, Any]]:
        """Its stdout as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


def onlooker(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> Ended:
    """Run a command to its end (at most two minutes)."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    return Ended(code=done.returncode, out=done.stdout, err=done.stderr)


def started(*arguments: str | Path) -> subprocess.Popen[str]:
    """Start a command and leave it running."""
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
