"""Brokers that refuse this machine's clock: said by how much, live messages dropped, recordings kept."""

import msgspec
import pytest

from schemas.broker import BrokerOptions
from schemas.broker_clock import clock_refusal
from schemas.errors import BrokerAwayError, ClockRefusedError
from schemas.trouble import trouble_of
from tests.unit.test_publisher_bound import Rig, outgoing

NOW_MS = 1_795_876_081_423
UNLIMITED_MS = 2**63 - 1
WORDS = "Timestamp {} of message with offset 3 is out of range. The timestamp should be within [{}, {}]"


def said(ahead_s: float, *, before_ms: int = UNLIMITED_MS, after_ms: int = 3_600_000) -> str:
    """What Kafka says of a message stamped so far ahead."""
    stamp_ms = NOW_MS + round(ahead_s * 1000)
    return WORDS.format(stamp_ms, NOW_MS - before_ms, NOW_MS + after_ms)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (said(10_800), "its clock is 3:00:00 ahead of the brokers'"),
        (said(10_800, before_ms=86_400_000), "its clock is at least 2:00:00 ahead of the brokers'"),
        (said(-90_061, before_ms=86_400_000), "its clock is at least 1:01:01 behind the brokers'"),
        ("InvalidTimestampError", "its clock differs from the brokers' by more than they allow"),
    ],
)
def test_the_sentence_says_by_how_much_clocks_differ_and_the_mend(words: str, wanted: str) -> None:
    found = clock_refusal([words], "broker-1:9092")
    assert found is not None
    assert wanted in str(found)
    assert "timedatectl set-ntp true" in str(found)
    assert found.judged == ("Timestamp" in words and "within" in words)


def test_other_trouble_is_none_of_clocks() -> None:
    assert clock_refusal(["KafkaTimeoutError", "no answer within [3, 4] s"], "broker-1:9092") is None


def test_a_worker_whose_clock_is_refused_is_told_so() -> None:
    class InvalidTimestampError(Exception):
        """As the clients call it."""

    found = trouble_of(InvalidTimestampError("[Error 32] InvalidTimestampError"), BrokerOptions())
    assert isinstance(found, BrokerAwayError)
    assert "does not answer" not in str(found)
    assert "clock differs" in str(found)


REFUSED = ClockRefusedError("Your clock is 3:00:00 ahead.", judged=True)
ECHOED = ClockRefusedError("It differs.", judged=False)


def live(number: int) -> object:
    return msgspec.structs.replace(outgoing(number), waits=False)


def test_live_messages_are_dropped_for_the_clock_and_the_next_client_tries_again() -> None:
    rig = Rig()
    for number in range(3):
        rig.publisher.offer(live(number))  # type: ignore[arg-type]
    rig.client.answer(0, REFUSED)
    rig.client.answer(1, REFUSED)
    rig.client.answer(2, ECHOED)
    assert rig.client.is_abandoned
    assert [(each.message.mark, each.refused) for each in rig.publisher.settled()] == [
        (0, "clock"),
        (1, "clock"),
    ]
    assert rig.publisher.problem == "Your clock is 3:00:00 ahead."
    rig.publisher.offer(live(3))  # type: ignore[arg-type]
    rig.clock.now_s += 2
    rig.publisher.pump()
    assert [(each.message.mark, each.refused) for each in rig.publisher.settled()] == [
        (2, "clock"),
        (3, "clock"),
    ]
    rig.publisher.offer(live(4))  # type: ignore[arg-type]
    assert rig.client.marks == [4], "the first frame after a while shows whether clocks agree again"
    assert rig.publisher.problem == "Your clock is 3:00:00 ahead."
    rig.client.answer(0)
    assert rig.publisher.problem is None
    assert [(each.message.mark, each.refused) for each in rig.publisher.settled()] == [(4, None)]


def test_what_comes_of_a_recording_waits_for_the_clock() -> None:
    rig = Rig()
    for number in range(3):
        rig.publisher.offer(outgoing(number))
    rig.client.answer(0)
    rig.client.answer(1, REFUSED)
    assert rig.settled() == [0]
    rig.clock.now_s += 2
    rig.publisher.pump()
    assert rig.client.marks == [1, 2]
    rig.client.answer(0)
    rig.client.answer(1)
    assert rig.settled() == [1, 2]
    assert rig.publisher.problem is None
