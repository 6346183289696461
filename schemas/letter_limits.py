"""Limits of dead letters by stand: one in trouble is set aside while others are good."""

from collections import OrderedDict
from collections.abc import Callable
from itertools import islice

from schemas.dead_letters import DeadLetterLimit, DeadLetterOptions, likely
from schemas.errors import LimitReachedError
from schemas.events import DeadLetter
from schemas.metrics import Pulse

MOST_STANDS = 10_000
"""Keys that are told apart; beyond them the one not heard of for longest is forgotten."""
LATELY = 10
"""Others are good when one of their messages was among the last so many windows of messages."""
_SHOWN = 64


class TopicLimit:
    """The good and the bad messages of one topic, by stand.

    Each stand has a limit of its own, and all that are not set aside have one together. When one is reached
    while other stands are good, the trouble is that of a stand: it is set aside, and its messages no longer
    count until one of them is good. Otherwise trouble is general, and the service stops. Messages without a
    key count for the topic alone.

    Args:
        options: how many are too many.
        say: hears of a stand that is set aside, and why (None: it is good again).
    """

    def __init__(self, options: DeadLetterOptions, say: Callable[[bytes, str | None], None]) -> None:
        self._options = options
        self._say = say
        self._all = DeadLetterLimit(options)
        self._stands: OrderedDict[bytes, DeadLetterLimit] = OrderedDict()
        self._good: OrderedDict[bytes, int] = OrderedDict()
        """By stand, which message of the topic was its last good one; the latest last."""
        self._aside: set[bytes] = set()
        self._count = 0

    def good(self, key: bytes | None) -> None:
        """Take note of a message that was handled."""
        self._count += 1
        self._all.good()
        if key is None:
            return
        self._limit(key).good()
        self._good[key] = self._count
        self._good.move_to_end(key)
        if key in self._aside:
            self._aside.discard(key)
            self._stands[key] = DeadLetterLimit(self._options)
            self._say(key, None)

    def bad(self, key: bytes | None, letter: DeadLetter) -> None:
        """Take note of a message that was set aside.

        Raises:
            LimitReachedError: too many were, and no other stand is good. Nothing more is to be committed.
        """
        self._count += 1
        if key is None:
            self._all.bad(letter)
            return
        limit = self._limit(key)
        try:
            limit.bad(letter)
            if key not in self._aside:
                self._all.bad(letter)
        except LimitReachedError:
            if not self._others_are_good(key):
                raise
            self._set_aside(key, letter)

    def forget(self) -> None:
        """Other processes have the stands now."""
        for key in self._aside:
            self._say(key, None)
        self._aside.clear()
        self._stands.clear()
        self._good.clear()

    def _set_aside(self, key: bytes, letter: DeadLetter) -> None:
        self._all = DeadLetterLimit(self._options)
        if key not in self._aside:
            self._aside.add(key)
            why = f"its messages in {letter.topic} are set aside as `{letter.cause}`"
            self._say(key, f"{why}: {likely(letter.cause)}")

    def _others_are_good(self, key: bytes) -> bool:
        since = self._count - LATELY * self._options.window
        latest = islice(reversed(self._good.items()), 2)
        return any(each != key and count > since for each, count in latest)

    def _limit(self, key: bytes) -> DeadLetterLimit:
        limit = self._stands.setdefault(key, DeadLetterLimit(self._options))
        self._stands.move_to_end(key)
        if len(self._stands) > MOST_STANDS:
            oldest, _ = self._stands.popitem(last=False)
            self._good.pop(oldest, None)
            if oldest in self._aside:
                self._aside.discard(oldest)
                self._say(oldest, None)
        return limit


class LetterLimits:
    """The limits of a service, a topic each; who is set aside shows in its health.

    Args:
        options: how many are too many.
        pulse: is told of stands that are set aside.
    """

    def __init__(self, options: DeadLetterOptions, pulse: Pulse) -> None:
        self._options = options
        self._pulse = pulse
        self._topics: dict[str, TopicLimit] = {}

    def of(self, topic: str) -> TopicLimit:
        """The limit of a topic, by any name that the caller has for it."""
        known = self._topics.get(topic)
        if known is None:

            def say(key: bytes, why: str | None) -> None:
                self._pulse.set_aside(f"{key.decode(errors='replace')[:_SHOWN]} in {topic}", why)

            known = self._topics[topic] = TopicLimit(self._options, say)
        return known

    def forget(self) -> None:
        """Other processes have the stands now."""
        for limit in self._topics.values():
            limit.forget()
