"""Replays a recording: the messages of a topic in recorded order, the plays in front of what shows them."""

from collections import deque
from collections.abc import Iterator

import msgspec

from schemas.events import Play
from schemas.recording.folder import Range, Recording
from schemas.recording.manifest import HOUR_US
from schemas.recording.records import Recorded, Unreadable
from schemas.topics import Topic

AHEAD_US = 2_000_000
"""Plays are handed over so long before what arrived with them: the brokers' clocks may differ by it.

It changes nothing that is measured: MEASURE holds a play until its time has come.
"""
LONGEST_PLAY_US = HOUR_US
"""A play that began earlier than this before a range has ended before it."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What of a recording is replayed."""

    topic: Topic = "observations"
    stands: frozenset[str] = frozenset()
    """Only these; empty: all."""
    within: Range = Range()

    def takes(self, stand_id: str | None) -> bool:
        """Whether a stand is chosen."""
        return not self.stands or stand_id in self.stands

    def shows(self, play: Play) -> bool:
        """Whether a play runs within the range."""
        from_us, until_us = self.within.from_us, self.within.until_us
        return (from_us is None or play.end_us > from_us) and (until_us is None or play.start_us < until_us)


def replayed(recording: Recording, choice: Choice) -> Iterator[Recorded]:
    """The chosen messages in the order in which they should enter.

    Yields:
        Each message; with observations and frames also the plays, each before the first that may show it.

    Raises:
        CheckFailedError: a file is damaged.
    """
    found = recording.records(choice.topic, choice.within)
    chosen = (record for record in found if _wanted(record, choice)) if choice.stands else found
    if choice.topic not in ("observations", "frames"):
        yield from chosen
        return
    plays = PlaysAhead(_plays(recording, choice))
    for record in chosen:
        yield from plays.until(record.partition, record.arrived_us + AHEAD_US)
        yield record
    yield from plays.rest()


class PlaysAhead:
    """Reads plays as far ahead as needed, and no further.

    Args:
        plays: in recorded order: rising by hour of arrival, and within a partition.
    """

    def __init__(self, plays: Iterator[Recorded]) -> None:
        self._plays = plays
        self._waiting: dict[int, deque[Recorded]] = {}
        self._read_us: dict[int, int] = {}
        self._newest_us = 0
        self._ended = False

    def until(self, partition: int, limit_us: int) -> Iterator[Recorded]:
        """The plays of a partition that arrived by an instant, each once.

        Args:
            partition: the same as that of the stand's other messages.
            limit_us: arrival, us UTC.
        """
        while self._read_us.get(partition, 0) <= limit_us and not self._is_past(limit_us):
            self._read_one()
        waiting = self._waiting.get(partition, ())
        while waiting and waiting[0].arrived_us <= limit_us:
            yield waiting.popleft()

    def rest(self) -> Iterator[Recorded]:
        """All that are left."""
        for waiting in self._waiting.values():
            yield from waiting
        yield from self._plays

    def _is_past(self, limit_us: int) -> bool:
        """No play that arrived by then can follow: files are by hour."""
        return self._ended or self._newest_us // HOUR_US > limit_us // HOUR_US

    def _read_one(self) -> None:
        record = next(self._plays, None)
        if record is None:
            self._ended = True
            return
        self._waiting.setdefault(record.partition, deque()).append(record)
        self._read_us[record.partition] = record.arrived_us
        self._newest_us = max(self._newest_us, record.arrived_us)


def _plays(recording: Recording, choice: Choice) -> Iterator[Recorded]:
    from_us = choice.within.from_us
    within = Range(
        from_us=None if from_us is None else from_us - LONGEST_PLAY_US, until_us=choice.within.until_us
    )
    for record in recording.records("plays", within):
        if _wanted(record, choice) and (isinstance(record.event, Unreadable) or choice.shows(record.event)):
            yield record


def _wanted(record: Recorded, choice: Choice) -> bool:
    return isinstance(record.event, Unreadable) or choice.takes(record.stand_id)
