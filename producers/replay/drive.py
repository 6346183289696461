"""Drives a replay: each event in its order, at its pace, perhaps moved in time, perhaps again and again."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from producers.replay.order import Choice, replayed
from producers.replay.pace import ReplayPacer
from producers.replay.shift import Rounds
from schemas.belief import event_time_us
from schemas.events import StreamEnded
from schemas.reading import stand_of
from schemas.recording.folder import ReadingStoppedError, Recording
from schemas.recording.records import Unreadable
from schemas.topics import Topic

Emit = Callable[[Topic, Any], None]
"""Takes an event for a topic."""


class DriveOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a recording is replayed."""

    choice: Choice
    loop: bool = False
    leave_open: bool = False
    """Stands whose stream has not ended stay as they are at the end."""


class ReplayCounts(msgspec.Struct, kw_only=True):
    """What a replay has done so far."""

    events: Counter[Topic] = msgspec.field(default_factory=Counter)
    """By topic."""
    unreadable: int = 0
    """Recorded messages that are no events: left out."""
    rounds: int = 0


class ReplayDrive:
    """One replay: `pacer` holds events back, `rounds` moves them in time, `emit` takes them."""

    def __init__(
        self,
        recording: Recording,
        options: DriveOptions,
        *,
        pacer: ReplayPacer,
        rounds: Rounds,
        emit: Emit,
    ) -> None:
        self._recording = recording
        self._options = options
        self._pacer = pacer
        self._rounds = rounds
        self._emit = emit
        self._stopped = False
        self.counts = ReplayCounts()

    def run(self) -> None:
        """Replay until the end, or until the pacer is stopped."""
        while self._round() and self._options.loop and self.counts.events:
            self._rounds.begin_again()
            self._pacer.begin_again()

    def _round(self) -> bool:
        """The recording once; False when stopped."""
        open_stands: set[str] = set()
        fed, pacer = self._options.choice.topic, self._pacer
        for topic, event in self._events():
            moved = self._rounds.moved(event)
            # Plays come ahead of their time, and must not hold up what comes before it.
            is_clock = topic == fed
            stand_id = (stand_of(event) or "") if is_clock else ""
            if not pacer.wait(stand_id, event_time_us(moved) if is_clock and pacer.is_timed else None):
                return False
            self._out(topic, moved)
            if is_clock:
                (open_stands.discard if type(event) is StreamEnded else open_stands.add)(stand_id)
        if self._stopped:
            return False
        self._end(open_stands)
        self.counts.rounds += 1
        return True

    def _events(self) -> Iterator[tuple[Topic, Any]]:
        try:
            for record in replayed(self._recording, self._options.choice):
                if isinstance(record.event, Unreadable):
                    self.counts.unreadable += 1
                else:
                    yield record.topic, record.event
        except ReadingStoppedError:
            self._stopped = True

    def _end(self, open_stands: set[str]) -> None:
        """End the streams that have no end in the recording: what is open is closed as of its last event."""
        topic = self._options.choice.topic
        if self._options.leave_open or topic not in ("observations", "frames"):
            return
        for stand_id in sorted(open_stands):
            self._out(topic, StreamEnded(stand_id=stand_id))

    def _out(self, topic: Topic, event: Any) -> None:
        self.counts.events[topic] += 1
        self._emit(topic, event)
