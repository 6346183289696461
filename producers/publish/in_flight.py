"""Messages handed over and not yet settled: bounded in number and bytes, reported in order for each stand."""

import threading
from collections import deque
from collections.abc import Callable

import msgspec

from schemas.message import About
from schemas.topics import Topic


class Message(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A message on its way to a topic."""

    topic: Topic
    stand_id: str
    value: bytes
    about: About
    mark: object = None
    """What its sender knows it by."""
    waits: bool = True
    """Whether it is kept while the brokers refuse this machine's clock: what is live has that wrong time."""

    @property
    def size_bytes(self) -> int:
        """What it counts for in the bound."""
        return len(self.value)


class Settled(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A message that the brokers have, or never will."""

    message: Message
    refused: str | None = None
    """Cause for which the brokers do not take it; None: acknowledged."""


class Entry:
    """One message and whether it is settled."""

    def __init__(self, message: Message, at_s: float) -> None:
        self.message = message
        self.at_s = at_s
        """When it was handed over, or last handed over again; monotonic, s."""
        self.settled: Settled | None = None


class InFlight:
    """The bookkeeping of a publisher; safe for its owner and one thread that settles.

    Args:
        max_bytes: bound of all messages together, bytes; a single larger one fits when it is alone.
        max_messages: bound of their number.
        monotonic_s: clock for the age of the oldest.
    """

    def __init__(self, *, max_bytes: int, max_messages: int, monotonic_s: Callable[[], float]) -> None:
        self._max_bytes = max_bytes
        self._max_messages = max_messages
        self._monotonic_s = monotonic_s
        self._lanes: dict[tuple[Topic, str], deque[Entry]] = {}
        self._bytes = 0
        self._messages = 0
        self._last_settled_s = monotonic_s()
        self._news = False
        """Something was settled that nobody has taken."""
        self._changed = threading.Condition()

    @property
    def bytes(self) -> int:
        """Bytes not yet acknowledged."""
        return self._bytes

    @property
    def messages(self) -> int:
        """Messages not yet acknowledged."""
        return self._messages

    def fits(self, size_bytes: int) -> bool:
        """Whether there is room for one more message of such a size."""
        with self._changed:
            if self._messages == 0:
                return True
            return self._messages < self._max_messages and self._bytes + size_bytes <= self._max_bytes

    def add(self, message: Message) -> Entry:
        """Take a message in, to be settled later by its entry."""
        entry = Entry(message, self._monotonic_s())
        with self._changed:
            self._lanes.setdefault((message.topic, message.stand_id), deque()).append(entry)
            self._bytes += message.size_bytes
            self._messages += 1
        return entry

    def settle(self, entry: Entry, refused: str | None = None) -> None:
        """Note that a message is acknowledged, or the cause of its refusal; a second time changes nothing."""
        with self._changed:
            if entry.settled is not None:
                return
            entry.settled = Settled(message=entry.message, refused=refused)
            self._bytes -= entry.message.size_bytes
            self._messages -= 1
            self._last_settled_s = self._monotonic_s()
            self._news = True
            self._changed.notify_all()

    def take_settled(self) -> list[Settled]:
        """What has been settled since the last call: a stand's messages of a topic in their order."""
        with self._changed:
            self._news = False
            found = []
            for lane in self._lanes.values():
                while lane and lane[0].settled is not None:
                    found.append(lane.popleft().settled)
            return [each for each in found if each is not None]

    def open(self) -> list[Entry]:
        """The entries that are not settled, in the order in which they came."""
        with self._changed:
            found = [entry for lane in self._lanes.values() for entry in lane if entry.settled is None]
        return sorted(found, key=lambda entry: entry.at_s)

    def silent_s(self) -> float:
        """For how long nothing has been settled although something waits, s."""
        with self._changed:
            if self._messages == 0:
                return 0.0
            waiting = (entry.at_s for lane in self._lanes.values() for entry in lane if entry.settled is None)
            oldest_s = min(waiting)
            return self._monotonic_s() - max(oldest_s, self._last_settled_s)

    def wait(self, timeout_s: float) -> None:
        """Wait until something is settled, or was since `take_settled`; at most the time given."""
        with self._changed:
            self._changed.wait_for(lambda: self._news, timeout_s)
