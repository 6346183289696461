"""Dead letters by stand: one in trouble is set aside, the others go on; general trouble stops the service."""

import pytest

from schemas.dead_letters import DeadLetterOptions, letter_of
from schemas.errors import LimitReachedError, UndecodableError
from schemas.events import DeadLetter
from schemas.letter_limits import LetterLimits
from schemas.metrics import NoPulse
from tests.event_samples import T_US

OPTIONS = DeadLetterOptions(max_consecutive=10, max_share=0.5, window=20)


class Health(NoPulse):
    """Remembers who is set aside, and every word."""

    def __init__(self) -> None:
        self.aside: dict[str, str] = {}
        self.said: list[tuple[str, bool]] = []

    def set_aside(self, stand: str, words: str | None) -> None:
        self.said.append((stand, words is not None))
        self.aside.pop(stand, None)
        if words is not None:
            self.aside[stand] = words


def letter(key: bytes | None, cause: str = "future") -> DeadLetter:
    return letter_of(
        UndecodableError(cause, "It is ahead."),
        service="observe",
        topic="mall.frames.v1",
        partition=0,
        offset=0,
        incarnation="first",
        key=key,
        value=b"x",
        now_us=T_US,
    )


class Limit:
    """The limit of one topic, and what is said of it."""

    def __init__(self, options: DeadLetterOptions = OPTIONS) -> None:
        self.health = Health()
        self.limits = LetterLimits(options, self.health)

    def take(self, course: str) -> int:
        """Messages of stands a, b, c (upper case: bad; `-`: bad without a key) until it stops."""
        limit = self.limits.of("frames")
        for number, each in enumerate(course):
            key = None if each == "-" else each.lower().encode()
            try:
                limit.good(key) if each.islower() else limit.bad(key, letter(key))
            except LimitReachedError:
                return number
        return len(course)


def test_one_bad_stand_among_good_ones_never_stops_them() -> None:
    limit = Limit()
    course = "Ab" * 500
    assert limit.take(course) == len(course)
    assert limit.health.said == [("a in frames", True)]
    assert "`future`: a clock is wrong" in limit.health.aside["a in frames"]


def test_one_bad_stand_may_send_nearly_everything() -> None:
    limit = Limit()
    course = "b" + ("A" * 60 + "b") * 20
    assert limit.take(course) == len(course)
    assert list(limit.health.aside) == ["a in frames"]


def test_a_stand_that_is_good_again_is_no_longer_set_aside() -> None:
    limit = Limit()
    assert limit.take("b" + "A" * 12 + "b" + "a" + "b") == 16
    assert limit.health.said == [("a in frames", True), ("a in frames", False)]
    assert limit.take("A" * 10) == 10
    assert not limit.health.aside


@pytest.mark.parametrize("course", ["A" * 11, "AB" * 6, "ABC" * 4])
def test_trouble_of_all_stops_the_service(course: str) -> None:
    limit = Limit()
    assert limit.take(course) == 10
    assert not limit.health.aside


def test_trouble_of_all_after_good_times_stops_the_service() -> None:
    """Only what is good lately counts: a stand that was switched off long ago says nothing."""
    limit = Limit()
    assert limit.take("c" + "ab" * 110 + "AB" * 200) < 221 + 2 * 400
    assert limit.take("c" + "A" * 400) < 401


def test_the_last_good_stand_that_goes_bad_stops_the_service_soon() -> None:
    limit = Limit()
    assert limit.take("Ab" * 30) == 60
    assert limit.take("AB" * 300) < 250


def test_messages_without_a_key_count_for_the_topic() -> None:
    limit = Limit()
    assert limit.take("ab" * 3 + "-" * 11) == 16
    assert Limit().take("-a" * 100) == 200, "half of them is not more than half"


def test_a_stand_whose_messages_are_bad_by_more_than_half_is_set_aside() -> None:
    limit = Limit()
    course = "bAAab" * 20
    assert limit.take(course) == len(course)
    assert ("a in frames", True) in limit.health.said


def test_who_gives_stands_away_says_no_more_of_them() -> None:
    limit = Limit()
    limit.take("b" + "A" * 11)
    assert limit.health.aside
    limit.limits.forget()
    assert not limit.health.aside


def test_topics_do_not_count_for_each_other() -> None:
    limit = Limit()
    limit.take("b" + "A" * 11)
    other = limit.limits.of("plays")
    for _ in range(10):
        other.bad(b"a", letter(b"a"))
    with pytest.raises(LimitReachedError):
        other.bad(b"a", letter(b"a"))


def test_strangers_keys_do_not_fill_the_memory() -> None:
    limit = Limit(DeadLetterOptions(max_consecutive=10**6, max_share=1.0, window=1))
    topic = limit.limits.of("frames")
    for number in range(10_050):
        topic.bad(str(number).encode(), letter(b"x"))
    assert len(topic._stands) == 10_000
