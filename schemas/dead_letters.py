"""Dead letters: what is set aside when a message cannot be handled, and how many of them are too many."""

import re
from collections import deque
from typing import Annotated

import msgspec

from schemas.bounds import FRAME_BYTES, MOST_LABEL, MOST_WORDS
from schemas.errors import LimitReachedError, UndecodableError
from schemas.events import DeadLetter
from schemas.ids import derive_id
from schemas.kinds import kinds
from schemas.pictures import KEY_BYTES, bare
from schemas.ranges import Count, Share
from schemas.topics import TopicNames

MOST_KEPT_BYTES = FRAME_BYTES
"""A value up to this size is kept whole if no picture is in it: no topic carries a larger one."""
MOST_KEY_BYTES = 64 * 1024
_CUT = re.compile(r"\(the first \d+ of (\d+) bytes are kept(: no picture is)?\)\Z")
"""How the detail of a letter ends that does not hold its message whole."""


class DeadLetterOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many dead letters a service bears before it stops: a wrong set-up must not drain a topic."""

    max_consecutive: Count = 1000
    """Messages in a row."""
    max_share: Share = 0.5
    """Of the last `window` messages."""
    window: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 2000
    """Messages; before so many have come the share is not looked at."""


class DeadLetterLimit:
    """Counts good and bad messages of a service and stops when too many are bad. Source: arroyo's limits."""

    def __init__(self, options: DeadLetterOptions) -> None:
        self._options = options
        self._in_a_row = 0
        self._recent: deque[bool] = deque(maxlen=options.window)
        self._recent_bad = 0

    def good(self) -> None:
        """Take note of a message that was handled."""
        self._note(bad=False)
        self._in_a_row = 0

    def bad(self, letter: DeadLetter) -> None:
        """Take note of a message that was set aside.

        Raises:
            LimitReachedError: Too many were set aside. Nothing more is to be committed.
        """
        self._note(bad=True)
        self._in_a_row += 1
        if self._in_a_row > self._options.max_consecutive:
            raise _reached(f"{self._in_a_row} messages in a row", letter)
        window = self._options.window
        if len(self._recent) == window and self._recent_bad > self._options.max_share * window:
            raise _reached(f"{self._recent_bad} of the last {window} messages", letter)

    def _note(self, *, bad: bool) -> None:
        if len(self._recent) == self._options.window:
            self._recent_bad -= self._recent[0]
        self._recent.append(bad)
        self._recent_bad += bad


def _reached(how_many: str, letter: DeadLetter) -> LimitReachedError:
    return LimitReachedError(
        f"{how_many} were set aside as dead letters, the last one from {letter.topic} as `{letter.cause}`: "
        f"{likely(letter.cause)} What was committed before stands, and what was in hand is read again at the "
        "next start: nothing is lost. "
        "`onlooker dead-letters list` shows the letters."
    )


def likely(cause: str) -> str:
    """What is likely wrong when many letters have a cause, and the mend, as the end of a sentence."""
    return _LIKELY.get(cause, _LIKELY_OTHERWISE)


_OTHER_WRITER = "something else than this system writes to the topic; check its name and `kafka.prefix`."
_LIKELY = {
    "unknown_schema": "producers use another schema registry; check `registry.url` here and there.",
    "not_framed": _OTHER_WRITER,
    "empty": _OTHER_WRITER,
    "wrong_type": "the topic carries other events than this service reads; check `kafka.prefix`.",
    "future": "a clock is wrong; check the time of the capture machines and of this one.",
    "bad_picture": "a camera or its encoder is broken; check the pictures that `onlooker capture` sends.",
    "failed": "this program has a fault that these messages show; the letters' details say where.",
    "too_large": "messages are larger than this service takes; check the size of pictures.",
}
_LIKELY_OTHERWISE = "producers and this service probably differ in version; compare `onlooker schemas list`."


def letter_of(  # noqa: PLR0913 - a message has so many parts
    error: UndecodableError,
    *,
    service: str,
    topic: str,
    partition: int,
    offset: int,
    incarnation: str,
    key: bytes | None,
    value: bytes | None,
    now_us: int,
) -> DeadLetter:
    """The dead letter of a message.

    Args:
        error: why it could not be handled.
        service: who sets it aside.
        topic: where it lies, as the broker names it.
        partition: of that topic.
        offset: its place in that partition.
        incarnation: which topic of that name, as the brokers call it: offsets come again in one made anew.
        key, value, now_us: of the message; wall clock, microseconds UTC.

    Returns:
        A letter with the bytes that may be kept; the detail says where these are not all. The same message
        gives the same id, however often it is set aside.
    """
    full = DeadLetter(
        letter_id=derive_id("dead_letter", topic, incarnation, partition, offset),
        service=service[:MOST_LABEL],
        cause=error.cause[:MOST_LABEL],
        detail=_detail(error, len(value or b"")),
        topic=topic,
        partition=partition,
        offset=offset,
        failed_us=now_us,
        key=None if key is None else key[:MOST_KEY_BYTES],
        value=None if value is None else value[:MOST_KEPT_BYTES],
    )
    return without_picture(full)


def without_picture(letter: DeadLetter) -> DeadLetter:
    """The letter as it may be kept: neither in its value nor in its key is a picture.

    Returns:
        The same one if it is so already, as every letter of `letter_of` is; other programs write letters too.
    """
    of_pictures = _carries_pictures(letter.topic)
    key = None if letter.key is None else bare(letter.key)[: KEY_BYTES if of_pictures else None]
    value = None if letter.value is None else bare(letter.value, of_pictures=of_pictures)
    if (key, value) == (letter.key, letter.value):
        return letter
    detail = letter.detail
    if letter.value is not None and value is not None and value != letter.value:
        before = _CUT.search(detail)
        size = len(letter.value) if before is None else int(before[1])
        words = detail if before is None else detail[: before.start()].rstrip()
        detail = f"{words} (the first {len(value)} of {size} bytes are kept: no picture is)"[-MOST_WORDS:]
    return msgspec.structs.replace(letter, key=key, value=value, detail=detail)


def is_whole(letter: DeadLetter) -> bool:
    """Whether a letter holds its message whole: only then can it be sent again."""
    return _CUT.search(letter.detail) is None


def _carries_pictures(name: str) -> bool:
    """Whether a topic, as the broker names it, carries pictures."""
    return any(name.endswith(TopicNames().name(topic)) for topic in kinds().pictured)


def _detail(error: UndecodableError, size_bytes: int) -> str:
    """What the error says, in characters that can be sent, and whether bytes were left out."""
    words = str(error).encode(errors="replace").decode()
    if size_bytes > MOST_KEPT_BYTES:
        words = f"{words} (the first {MOST_KEPT_BYTES} of {size_bytes} bytes are kept)"
    return words[-MOST_WORDS:]
