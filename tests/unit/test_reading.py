"""The one reading of messages: what topic, clock or key contradicts is no event, whoever reads it."""

from typing import Any

import msgspec
import pytest

from schemas.errors import UndecodableError
from schemas.events import DeadLetter
from schemas.reading import event_of, stand_of
from schemas.topics import Topic, TopicNames
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry
from sinks.recording.reading import recorded_of
from sinks.recording.source import Arrived
from sinks.service.feed import Message
from sinks.service.gathering import Entry
from sinks.service.reading import FactReader, believed
from tests.event_samples import FRAME
from tests.facts import play, visit_ended

NAMES = TopicNames()
CODEC = AvroCodec(FileRegistry(), NAMES)
PLAY = play()
NOW_US = PLAY.start_us
HOUR_US = 3_600_000_000


def read(event: Any, topic: Topic, *, key: bytes | None = b"entrance", now_us: int = NOW_US) -> Any:
    return event_of(key, CODEC.encode(event), topic=topic, codec=CODEC, now_us=now_us)


def refused(event: Any, topic: Topic, **how: Any) -> str:
    with pytest.raises(UndecodableError) as error:
        read(event, topic, **how)
    return error.value.cause


def test_an_event_of_its_topic_its_time_and_its_key_is_read() -> None:
    assert read(PLAY, "plays") == PLAY
    visit = visit_ended("v", ())
    assert read(visit, "visits", now_us=visit.visit.ended_us) == visit


@pytest.mark.parametrize("key", [None, b"", b"exit", b"entrance ", b"\xff"])
def test_the_key_names_the_stand(key: bytes | None) -> None:
    assert refused(PLAY, "plays", key=key) == "wrong_type"
    assert refused(visit_ended("v", ()), "visits", key=key) == "wrong_type"


def test_the_topic_carries_the_event() -> None:
    assert refused(PLAY, "visits") == "wrong_type"
    assert refused(FRAME, "observations") == "wrong_type"


def test_the_clock_judges_before_the_key() -> None:
    early_us = NOW_US - HOUR_US - 1
    assert refused(PLAY, "plays", now_us=early_us, key=b"exit") == "future"
    assert read(PLAY, "plays", now_us=NOW_US - HOUR_US) == PLAY


def letter() -> DeadLetter:
    return DeadLetter(
        letter_id=PLAY.play_id,
        service="sink",
        cause="empty",
        detail="nothing",
        topic="plays.v1",
        partition=0,
        offset=1,
        failed_us=NOW_US,
        key=None,
        value=None,
    )


@pytest.mark.parametrize("key", [None, b"plays.v1"])
def test_a_letter_has_no_stand_and_any_key(key: bytes | None) -> None:
    assert stand_of(letter()) is None
    assert read(letter(), "dead_letters", key=key) == letter()


def judged(message: Message, at_us: int) -> Entry:
    """As a sink reads a message, and judges it as one of a batch."""
    tp = ("plays.v1", 0)
    read = FactReader(CODEC, NAMES).read(tp, message, NOW_US, incarnation="one")
    (entry,) = believed([read], tp, at_us, incarnation="one")
    return entry


@pytest.mark.parametrize(
    ("key", "cause"), [(b"entrance", None), (b"exit", "wrong_type"), (None, "wrong_type")]
)
def test_sink_and_recorder_read_alike(key: bytes | None, cause: str | None) -> None:
    """What lies under another stand's key is no row, as it is nothing to MEASURE and to a recording."""
    value = CODEC.encode(PLAY)
    entry = judged(Message(offset=1, key=key, value=value), NOW_US)
    kept = recorded_of(
        Arrived(tp=("plays", 0), offset=1, arrived_us=NOW_US, key=key, value=value), CODEC
    ).event
    if cause is None:
        assert (entry.fact, entry.letter, kept) == (PLAY, None, PLAY)
        return
    assert entry.fact is None
    assert entry.letter is not None
    assert (entry.letter.cause, entry.letter.key, entry.letter.value) == (cause, key, value)
    assert kept.cause == cause


@pytest.mark.parametrize("key", [b"entrance", b"exit"])
def test_the_sink_judges_by_the_clock_of_the_batch(key: bytes) -> None:
    ahead = msgspec.structs.replace(PLAY, start_us=NOW_US + 2 * HOUR_US, end_us=NOW_US + 3 * HOUR_US)
    message = Message(offset=1, key=key, value=CODEC.encode(ahead))
    entry = judged(message, NOW_US)
    assert entry.letter is not None
    assert entry.letter.cause == "future"
    later = judged(message, NOW_US + HOUR_US)
    assert (later.fact == ahead) == (key == b"entrance")
