"""Keeps libraries from flooding the log while a server is away: the same sentence once a minute, counted."""

import logging
import math
import re

import msgspec

_FIGURES = re.compile(r"\d+(\.\d+)*")


class FloodOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How often the same may be said."""

    quiet_s: float = 60.0
    """After a sentence the same of the same library is held back for so long, s."""
    sentences: int = 500
    """Sentences that are remembered; a library that says more different ones begins anew."""


class Flood(logging.Filter):
    """Lets the first of equal records through and tells with the next how many were held back.

    Args:
        ours: packages whose records always pass.
        options: how often the same may be said.
    """

    def __init__(self, ours: tuple[str, ...], options: FloodOptions | None = None) -> None:
        super().__init__()
        self._ours = ours
        self._options = options or FloodOptions()
        self._said: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is to be told; equal are those that differ in figures only."""
        if record.name.partition(".")[0] in self._ours:
            return True
        key = (record.name, record.levelno, _FIGURES.sub("#", str(record.msg)))
        said_s, held_back = self._said.get(key, (-math.inf, 0))
        if record.created - said_s < self._options.quiet_s:
            self._said[key] = (said_s, held_back + 1)
            return False
        if len(self._said) >= self._options.sentences:
            self._said.clear()
        self._said[key] = (record.created, 0)
        if held_back:
            record.held_back = held_back
        return True
