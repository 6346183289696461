"""Publishes messages in their order through a client that may break: bounded, nothing taken is ever lost."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

import msgspec

from producers.options import PublishOptions
from producers.publish.in_flight import Entry, InFlight, Message, Settled
from schemas.errors import ClockRefusedError, DependencyAwayError, OnlookerError, UsageError

_log = logging.getLogger(__name__)
_AGAIN_S = 1.0
_POLL_S = 0.2
CLOCK = "clock"
"""The cause for which messages are refused while the brokers do not take this machine's time."""

OnDone = Callable[[object], None]
"""Hears what became of a message: None: acknowledged; a word: refused for that cause; an error: not sent."""


class Client(Protocol):
    """A connection to the brokers that keeps the order of a stand's messages."""

    def send(self, message: Message, done: OnDone) -> None:
        """Hand a message over.

        Raises:
            DependencyAwayError: that is impossible now.
            UsageError: the brokers refuse us.
        """
        ...

    def abandon(self) -> None:
        """Send nothing more, at once; may be called from any thread."""
        ...

    def close(self) -> None:
        """Let the brokers go, with nothing in flight."""
        ...


Connect = Callable[[], Client]
"""Connects to the brokers; raises DependencyAwayError, or UsageError when waiting does not help."""


class Publisher:
    """Hands messages over in their order; used by one thread.

    It never blocks for long and never loses what it has taken: while the brokers are away messages stay in
    it, up to the bound; then it takes no more, and whoever calls decides what waits and what is dropped.
    """

    def __init__(
        self, connect: Connect, options: PublishOptions, *, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._connect = connect
        self._options = options
        self._monotonic_s = monotonic_s
        self._client: Client | None = None
        self._in_flight = InFlight(
            max_bytes=options.in_flight_bytes,
            max_messages=options.in_flight_messages,
            monotonic_s=monotonic_s,
        )
        self._to_send: deque[Entry] = deque()
        self._next_try_s = monotonic_s()
        self._problem: OnlookerError | None = None
        self._refusal: UsageError | None = None
        self._clock: ClockRefusedError | None = None
        """Why the brokers refuse our time, until they take a message again."""
        self._broken = threading.Event()
        self.retries = 0
        """How often a connection had to be made again."""

    @property
    def bytes_in_flight(self) -> int:
        """Bytes taken and not yet acknowledged."""
        return self._in_flight.bytes

    @property
    def messages_in_flight(self) -> int:
        """Messages taken and not yet acknowledged."""
        return self._in_flight.messages

    @property
    def problem(self) -> str | None:
        """Why nothing goes on, in words; None while all is well."""
        problem = self._problem or self._clock
        if problem is not None:
            return str(problem)
        silent = self._in_flight.silent_s() >= self._options.away_after_s
        return "Kafka takes messages but acknowledges none: are enough brokers alive?" if silent else None

    def offer(self, message: Message) -> bool:
        """Take the next message, if there is room; those of a stand arrive as they are offered.

        Returns:
            False if there is no room: nothing was taken.

        Raises:
            UsageError: the brokers refuse us, or a topic is missing.
        """
        fits = self._in_flight.fits(message.size_bytes)
        if fits:
            self._to_send.append(self._in_flight.add(message))
        self.pump()
        return fits

    def settled(self) -> list[Settled]:
        """What the brokers have acknowledged or refused since the last call, in order for each stand."""
        return self._in_flight.take_settled()

    def wait(self, timeout_s: float = _POLL_S) -> None:
        """Keep things going, and wait until something is settled.

        Args:
            timeout_s: at most so long, s; some seconds longer while connecting.

        Raises:
            UsageError: the brokers refuse us, or a topic is missing.
        """
        self.pump()
        if self._in_flight.messages:
            self._in_flight.wait(timeout_s)

    def pump(self) -> None:
        """Connect if need be, and hand over what waits.

        Raises:
            UsageError: the brokers refuse us, or a topic is missing.
        """
        if self._refusal is not None:
            raise self._refusal
        if self._broken.is_set():
            self._begin_again()
        try:
            self._hand_over()
        except DependencyAwayError as error:
            self._problem = error
        else:
            self._problem = None if self._client is not None else self._problem

    def close(self, timeout_s: float) -> list[Message]:
        """Wait for what is in flight, then let the brokers go.

        Returns:
            Messages that were not acknowledged in time; the brokers may have them or not.
        """
        until_s = self._monotonic_s() + timeout_s
        try:
            while self._in_flight.messages and (left_s := until_s - self._monotonic_s()) > 0:
                self.wait(min(_POLL_S, left_s))
        except UsageError as error:
            _log.warning("what was in flight is given up: %s", error)
        client, self._client = self._client, None
        if client is not None:
            (client.abandon if self._in_flight.messages else client.close)()
        return [entry.message for entry in self._in_flight.open()]

    def _hand_over(self) -> None:
        if self._client is None:
            if self._monotonic_s() < self._next_try_s:
                return
            if self._clock is not None:
                self._drop_live()
            self._client = self._connected()
        while self._to_send:
            entry = self._to_send[0]
            if entry.settled is None:
                self._client.send(entry.message, partial(self._on_done, entry, self._client))
            self._to_send.popleft()

    def _drop_live(self) -> None:
        """Give up what would be refused too; what waits goes first, to see whether clocks agree again."""
        for entry in self._to_send:
            if not entry.message.waits:
                self._in_flight.settle(entry, refused=CLOCK)

    def _connected(self) -> Client:
        self._next_try_s = self._monotonic_s() + _AGAIN_S
        try:
            return self._connect()
        except DependencyAwayError:
            self.retries += 1
            raise

    def _on_done(self, entry: Entry, client: Client, outcome: object) -> None:
        """Called by the client's own thread: nothing that comes after a failed message may overtake it."""
        if outcome is None or isinstance(outcome, str):
            self._clock = self._clock if outcome else None
            self._in_flight.settle(entry, refused=outcome)
            return
        if client is not self._client:
            return  # it was abandoned: what it had is handed over again
        if isinstance(outcome, UsageError):
            self._refusal = outcome
        if isinstance(outcome, ClockRefusedError):
            self._refuse(entry, outcome)
        elif not self._broken.is_set():
            _log.warning("a message for %s is sent again: %s", entry.message.topic, outcome)
        self._broken.set()
        client.abandon()

    def _refuse(self, entry: Entry, outcome: ClockRefusedError) -> None:
        """The brokers refuse our clock; a client that was told so sends nothing any more."""
        if outcome.judged:
            self._clock = outcome
            if not entry.message.waits:
                self._in_flight.settle(entry, refused=CLOCK)

    def _begin_again(self) -> None:
        """A new client gets everything that the old one has not delivered, in its order."""
        self._client = None
        self._broken.clear()
        self.retries += 1
        self._to_send = deque(self._in_flight.open())
        for entry in self._to_send:
            about = msgspec.structs.replace(entry.message.about, repeated=True)
            entry.message = msgspec.structs.replace(entry.message, about=about)
