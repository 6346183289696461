"""Compares what a replay measures with what was measured before, and says where they part."""

from collections import deque
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec

from onlooker.recordings.digest import StreamDigest, canonical
from schemas.errors import CheckFailedError, UsageError
from schemas.kinds import kinds
from schemas.reading import stand_of
from schemas.recording.folder import Recording
from schemas.recording.records import Unreadable
from schemas.topics import Topic

_NOTHING: Any = object()
"""What stands in a list behind its end."""
_MOST_LINE_BYTES = 16 * 1024 * 1024
"""No output has a longer line; it would not be JSON to its end."""
_MOST_LINES = 20
"""Differences of one event that are shown."""
Stream = tuple[Topic, str]
"""A topic and a stand: within it facts have an order."""


class OutputLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the output of a replay."""

    topic: Topic
    stand_id: str
    event: msgspec.Raw


def output_line(topic: Topic, event: Any) -> bytes:
    """An event as a line of `replay --output`: JSON with a line feed."""
    raw = msgspec.Raw(canonical(event))
    line = OutputLine(topic=topic, stand_id=stand_of(event) or "", event=raw)
    return msgspec.json.encode(line) + b"\n"


class Expected:
    """An earlier output, read beside the new one: only what one is ahead of the other is held.

    Args:
        path: lines of `replay --output`, or a recording with visits and windows.
        stands: only these are compared; empty: all.

    Raises:
        UsageError: it is neither.
    """

    def __init__(self, path: Path, stands: frozenset[str] = frozenset()) -> None:
        self._path = path
        self._stands = stands
        self._facts = _facts(path)
        self._waiting: dict[Stream, deque[Any]] = {}
        self._counts: dict[Stream, int] = {}

    def check(self, topic: Topic, event: Any) -> None:
        """Compare the next fact of a stand; what is neither visit nor window passes.

        Raises:
            CheckFailedError: it differs; the words say where.
        """
        if topic not in kinds().measured:
            return
        stream = (topic, stand_of(event) or "")
        expected = self._next(stream)
        self._counts[stream] = number = self._counts.get(stream, 0) + 1
        if expected is None:
            raise CheckFailedError(
                f"{_where(stream, number)}: one more than expected by {self._path}:\n{_shown(event)}"
            )
        if canonical(expected) != canonical(event):
            words = "\n".join(differences(expected, event))
            raise CheckFailedError(f"{_where(stream, number)} differs from {self._path}:\n{words}")

    def end(self) -> None:
        """Nothing more comes.

        Raises:
            CheckFailedError: something more was expected.
        """
        for topic in kinds().measured:
            while self._read(topic):
                pass
        for stream, waiting in sorted(self._waiting.items()):
            if waiting:
                number = self._counts.get(stream, 0) + 1
                words = f"expected by {self._path}, and did not come:\n{_shown(waiting[0])}"
                raise CheckFailedError(f"{_where(stream, number)}: {words}")

    def _next(self, stream: Stream) -> Any:
        while not self._waiting.get(stream):
            if not self._read(stream[0]):
                return None
        return self._waiting[stream].popleft()

    def _read(self, topic: Topic) -> bool:
        """One more expected fact; False when there is none."""
        found = next(self._facts[topic], None)
        if found is None:
            return False
        kind, event = found
        stand_id = stand_of(event) or ""
        if not self._stands or stand_id in self._stands:
            self._waiting.setdefault((kind, stand_id), deque()).append(event)
        return True


def differences(expected: Any, found: Any) -> list[str]:
    """Where two events part, for a person: a line for each field that differs, at most twenty."""
    lines = list(_different("", msgspec.to_builtins(expected), msgspec.to_builtins(found)))
    more = len(lines) - _MOST_LINES
    return lines[:_MOST_LINES] + ([f"  ... and {more} more"] if more > 0 else [])


def _different(path: str, one: Any, two: Any) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(two, dict):
        for name in [*one, *(name for name in two if name not in one)]:
            yield from _different(f"{path}.{name}" if path else name, one.get(name), two.get(name))
    elif isinstance(one, list | tuple) and isinstance(two, list | tuple):
        for place, (first, second) in enumerate(zip_longest(one, two, fillvalue=_NOTHING)):
            yield from _different(f"{path}[{place}]", first, second)
    elif one != two or type(one) is not type(two):
        yield f"  {path}: expected {_short(one)}, found {_short(two)}"


def _short(value: Any) -> str:
    if value is _NOTHING:
        return "nothing"
    words = repr(value) if isinstance(value, str) else msgspec.json.encode(value).decode()
    return words if len(words) <= 200 else f"{words[:200]}..."


def _shown(event: Any) -> str:
    return f"  {_short(msgspec.to_builtins(event))}"


def _where(stream: Stream, number: int) -> str:
    return f"{stream[0]} of the stand {stream[1]}, number {number}"


def _facts(path: Path) -> dict[Topic, Iterator[tuple[Topic, Any]]]:
    if path.is_dir():
        recording = Recording(path)
        return {topic: _recorded(recording, topic) for topic in kinds().measured}
    if not path.is_file():
        raise UsageError(f"There is no {path} to compare with: name an output of `replay` or a recording.")
    lines = _lines(path)
    return dict.fromkeys(kinds().measured, lines)


def _recorded(recording: Recording, topic: Topic) -> Iterator[tuple[Topic, Any]]:
    seen = StreamDigest()
    for record in recording.records(topic):
        if not isinstance(record.event, Unreadable) and seen.take(topic, record.event):
            yield topic, record.event


def _lines(path: Path) -> Iterator[tuple[Topic, Any]]:
    with path.open("rb") as file:
        for number, text in enumerate(iter(lambda: file.readline(_MOST_LINE_BYTES), b""), start=1):
            try:
                line = msgspec.json.decode(text, type=OutputLine)
                if line.topic in kinds().measured:
                    (kind,) = kinds().on(line.topic)
                    yield line.topic, msgspec.json.decode(line.event, type=kind.event)
            except msgspec.MsgspecError as error:
                raise UsageError(f"{path}, line {number} is no output of `replay`: {error}") from error
