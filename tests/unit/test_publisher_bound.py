"""The publisher's bookkeeping and its life with a client that breaks: bound, order, nothing lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.options import PublishOptions
from producers.publish.in_flight import InFlight, Message
from producers.publish.publishing import OnDone, Publisher
from schemas.errors import DependencyAwayError, OnlookerError, UsageError
from schemas.message import About

ABOUT = About(producer="test", produced_us=1)


def outgoing(number: int, stand_id: str = "door", *, size_bytes: int = 10) -> Message:
    return Message(topic="frames", stand_id=stand_id, value=bytes(size_bytes), about=ABOUT, mark=number)


class Clock:
    """Time that goes on when it is told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 1e-6
        return self.now_s


class FakeClient:
    """Keeps what it is handed; the test says what becomes of it."""

    def __init__(self) -> None:
        self.sent: list[tuple[Message, OnDone]] = []
        self.away: OnlookerError | None = None
        self.is_abandoned = False
        self.is_closed = False

    def send(self, message: Message, done: OnDone) -> None:
        if self.away is not None:
            raise self.away
        self.sent.append((message, done))

    def abandon(self) -> None:
        self.is_abandoned = True

    def close(self) -> None:
        self.is_closed = True

    def answer(self, number: int, outcome: object = None) -> None:
        self.sent[number][1](outcome)

    @property
    def marks(self) -> list[object]:
        return [message.mark for message, _ in self.sent]


class Rig:
    """A publisher whose connections are fakes; connecting fails while `away` is set."""

    def __init__(self, *, in_flight_bytes: int = 10**6, in_flight_messages: int = 100) -> None:
        self.clients: list[FakeClient] = []
        self.away: OnlookerError | None = None
        self.clock = Clock()
        options = PublishOptions(in_flight_bytes=in_flight_bytes, in_flight_messages=in_flight_messages)
        self.publisher = Publisher(self._connect, options, monotonic_s=self.clock)

    @property
    def client(self) -> FakeClient:
        return self.clients[-1]

    def _connect(self) -> FakeClient:
        if self.away is not None:
            raise self.away
        self.clients.append(FakeClient())
        return self.clients[-1]

    def settled(self) -> list[object]:
        return [each.message.mark for each in self.publisher.settled()]


def test_the_bound_of_bytes_holds_and_room_comes_back() -> None:
    rig = Rig(in_flight_bytes=25)
    assert [rig.publisher.offer(outgoing(i)) for i in range(3)] == [True, True, False]
    assert (rig.publisher.bytes_in_flight, rig.client.marks) == (20, [0, 1])
    rig.client.answer(0)
    assert rig.publisher.offer(outgoing(2))
    assert rig.publisher.bytes_in_flight == 20


def test_the_bound_of_messages_holds() -> None:
    rig = Rig(in_flight_messages=2)
    assert [rig.publisher.offer(outgoing(i)) for i in range(3)] == [True, True, False]


def test_a_message_larger_than_the_bound_goes_alone() -> None:
    rig = Rig(in_flight_bytes=25)
    assert rig.publisher.offer(outgoing(0, size_bytes=1000))
    assert not rig.publisher.offer(outgoing(1))


def test_acknowledgements_are_reported_in_order_for_each_stand() -> None:
    rig = Rig()
    for number, stand_id in enumerate(["a", "b", "a", "b"]):
        rig.publisher.offer(outgoing(number, stand_id))
    rig.client.answer(2)
    rig.client.answer(1)
    assert rig.settled() == [1], "2 waits for 0 of the same stand; b does not wait for a"
    rig.client.answer(0)
    assert rig.settled() == [0, 2]


def test_a_refused_message_is_reported_with_its_cause_and_holds_nobody_up() -> None:
    rig = Rig()
    rig.publisher.offer(outgoing(0))
    rig.publisher.offer(outgoing(1))
    rig.client.answer(0, "too_large")
    rig.client.answer(1)
    assert [(each.message.mark, each.refused) for each in rig.publisher.settled()] == [
        (0, "too_large"),
        (1, None),
    ]


def test_while_the_brokers_are_away_messages_are_kept_up_to_the_bound() -> None:
    rig = Rig(in_flight_messages=2)
    rig.away = DependencyAwayError("nobody there")
    assert [rig.publisher.offer(outgoing(i)) for i in range(3)] == [True, True, False]
    assert rig.publisher.problem == "nobody there"
    rig.away = None
    rig.clock.now_s += 2
    rig.publisher.pump()
    assert rig.client.marks == [0, 1]
    assert rig.publisher.problem is None


def test_a_topic_that_is_not_known_now_is_asked_for_again() -> None:
    rig = Rig()
    rig.publisher.offer(outgoing(0))
    rig.client.away = DependencyAwayError("no metadata")
    assert rig.publisher.offer(outgoing(1))
    assert rig.publisher.problem == "no metadata"
    rig.client.away = None
    rig.publisher.offer(outgoing(2))
    assert rig.client.marks == [0, 1, 2]


def test_a_broken_client_is_abandoned_at_once_and_all_it_had_is_sent_again_in_order() -> None:
    rig = Rig()
    for number in range(4):
        rig.publisher.offer(outgoing(number))
    broken = rig.client
    broken.answer(0)
    broken.answer(1, DependencyAwayError("epoch"))
    assert broken.is_abandoned, "by the client's own thread, so that 2 cannot overtake 1"
    broken.answer(2, DependencyAwayError("closed"))
    broken.answer(3, DependencyAwayError("closed"))
    rig.clock.now_s += 2
    rig.publisher.pump()
    assert rig.client is not broken
    assert rig.client.marks == [1, 2, 3]
    assert all(message.about.repeated for message, _ in rig.client.sent)
    for number in range(3):
        rig.client.answer(number)
    assert rig.settled() == [0, 1, 2, 3]


def test_late_words_of_an_abandoned_client_do_not_break_the_new_one() -> None:
    rig = Rig()
    rig.publisher.offer(outgoing(0))
    rig.publisher.offer(outgoing(1))
    old = rig.client
    old.answer(0, DependencyAwayError("gone"))
    rig.clock.now_s += 2
    rig.publisher.pump()
    new = rig.client
    old.answer(1, DependencyAwayError("closed"))
    rig.publisher.pump()
    assert rig.client is new
    assert not new.is_abandoned
    old.answer(1)
    assert rig.publisher.messages_in_flight == 1, "an acknowledgement counts, whoever brings it"


def test_a_refusal_stops_the_publisher() -> None:
    rig = Rig()
    rig.publisher.offer(outgoing(0))
    rig.client.answer(0, UsageError("who are you?"))
    with pytest.raises(UsageError, match="who are you"):
        rig.publisher.offer(outgoing(1))


def test_silence_is_told_only_while_something_waits() -> None:
    rig = Rig()
    rig.publisher.offer(outgoing(0))
    rig.clock.now_s += 60
    assert rig.publisher.problem is not None
    rig.client.answer(0)
    rig.clock.now_s += 60
    assert rig.publisher.problem is None
    rig.publisher.offer(outgoing(1))
    assert rig.publisher.problem is None, "the new message has not waited yet"


def test_closing_waits_no_longer_than_asked_and_names_what_is_left() -> None:
    rig = Rig()
    publisher = Publisher(rig._connect, PublishOptions())
    publisher.offer(outgoing(0))
    publisher.offer(outgoing(1))
    rig.client.answer(0)
    assert [message.mark for message in publisher.close(0.05)] == [1]
    assert rig.client.is_abandoned
    assert not rig.client.is_closed


def test_closing_with_nothing_in_flight_is_a_clean_goodbye() -> None:
    rig = Rig()
    rig.publisher.offer(outgoing(0))
    rig.client.answer(0)
    assert rig.publisher.close(1.0) == []
    assert (rig.client.is_closed, rig.client.is_abandoned) == (True, False)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), max_size=40), st.randoms())
def test_whatever_the_order_of_acknowledgements_each_stand_keeps_its_own(
    messages: list[tuple[str, int]], random: object
) -> None:
    in_flight = InFlight(max_bytes=10**9, max_messages=10**9, monotonic_s=Clock())
    entries = [in_flight.add(outgoing(n, stand, size_bytes=size)) for n, (stand, size) in enumerate(messages)]
    shuffled = list(entries)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    reported = []
    for entry in shuffled:
        in_flight.settle(entry)
        in_flight.settle(entry)
        reported += in_flight.take_settled()
    assert (in_flight.bytes, in_flight.messages, in_flight.open()) == (0, 0, [])
    for stand in "abc":
        marks = [each.message.mark for each in reported if each.message.stand_id == stand]
        assert marks == [n for n, (name, _) in enumerate(messages) if name == stand]
