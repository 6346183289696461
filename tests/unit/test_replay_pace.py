"""Pace, pauses, shifts and loops of a replay, with a clock by hand; sending it, with a broker by hand."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from producers.options import PublishOptions
from producers.publish.in_flight import Message
from producers.publish.publishing import OnDone, Publisher
from producers.replay.drive import DriveOptions, ReplayDrive
from producers.replay.order import Choice
from producers.replay.pace import Pauses, ReplayPacer
from producers.replay.send import ReplaySender, Sending
from producers.replay.shift import ROUND_GAP_US, Rounds, shifted
from schemas.errors import LimitReachedError, UsageError
from schemas.events import FaceObservations, Play, StreamEnded
from schemas.recording.folder import Recording
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry
from tests.event_samples import FRAME, OBSERVATIONS, PLAY, VISIT_ENDED
from tests.recordings import fill, numbered
from tests.streams import START_US, StreamOptions, synthetic


class Waiting(threading.Event):
    """A stop that makes time pass instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 100.0
        self.on_wait: Callable[[], None] = lambda: None

    def wait(self, timeout: float | None = None) -> bool:
        self.now_s += timeout or 0.0
        self.on_wait()
        return self.is_set()


def pauses_of(stop: Waiting) -> Pauses:
    return Pauses(stop, monotonic_s=lambda: stop.now_s)


def test_the_pace_begins_anew_where_a_clock_was_set_back() -> None:
    stop = Waiting()
    pacer = ReplayPacer(10.0, pauses_of(stop))
    for t_us in (START_US, START_US - 10_800_000_000, START_US - 10_780_000_000, START_US - 10_781_000_000):
        pacer.wait("a", t_us)
    assert stop.now_s == pytest.approx(102.0), "twenty seconds at ten times their speed"


def test_events_come_at_the_speed_asked_for_each_stand_by_its_own_clock() -> None:
    stop = Waiting()
    pacer = ReplayPacer(10.0, pauses_of(stop))
    pacer.wait("a", START_US)
    pacer.wait("a", START_US + 20_000_000)
    assert stop.now_s == pytest.approx(102.0)
    pacer.wait("b", 5)
    pacer.wait("b", 10_000_005)
    assert stop.now_s == pytest.approx(103.0), "another stand may live in another year"
    pacer.wait("a", START_US + 1)
    pacer.wait("a", None)
    assert stop.now_s == pytest.approx(103.0), "what is late is due at once"


def test_fast_waits_for_nobody_but_a_pause() -> None:
    stop = Waiting()
    pauses = pauses_of(stop)
    pacer = ReplayPacer(None, pauses)
    assert pacer.wait("a", START_US + 10**12)
    assert stop.now_s == 100.0
    pauses.pause()
    stop.on_wait = lambda: pauses.resume() if stop.now_s > 130 else None
    assert pacer.wait("a", 0)
    assert stop.now_s == pytest.approx(130.0, abs=0.2)


def test_a_pause_is_no_time() -> None:
    stop = Waiting()
    pauses = pauses_of(stop)
    pacer = ReplayPacer(1.0, pauses)
    pacer.wait("a", 0)
    pauses.toggle()
    stop.now_s += 50
    pauses.toggle()
    pacer.wait("a", 3_000_000)
    assert stop.now_s == pytest.approx(153.0)


def test_a_stopped_replay_waits_no_longer() -> None:
    stop = Waiting()
    pacer = ReplayPacer(1.0, pauses_of(stop))
    pacer.wait("a", 0)
    stop.on_wait = stop.set
    assert not pacer.wait("a", 10**15)


def test_shifted_events_have_ids_of_their_own_and_the_same_ones_again() -> None:
    moved: FaceObservations = shifted(OBSERVATIONS, -1_000_000)
    assert moved.t_us == OBSERVATIONS.t_us - 1_000_000
    assert moved.observation_id != OBSERVATIONS.observation_id
    assert moved.faces[0].track_id != OBSERVATIONS.faces[0].track_id
    assert shifted(OBSERVATIONS, -1_000_000) == moved
    assert shifted(OBSERVATIONS, 0) is OBSERVATIONS
    play: Play = shifted(PLAY, 7)
    assert (play.start_us, play.end_us) == (PLAY.start_us + 7, PLAY.end_us + 7)
    assert shifted(FRAME, 7).t_us == FRAME.t_us + 7
    with pytest.raises(UsageError, match="facts follow from them"):
        shifted(VISIT_ENDED, 7)


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    fill(tmp_path / "r", numbered(synthetic(StreamOptions(observations=40, stands=2, cameras=1))))
    return Recording(tmp_path / "r")


def driven(recording: Recording, *, rounds: Rounds, loop: int = 1, **options: Any) -> list[tuple[str, Any]]:
    """Everything that a replay gives in some rounds."""
    stop = Waiting()
    found: list[tuple[str, Any]] = []

    def emit(topic: str, event: Any) -> None:
        found.append((topic, event))
        ended = sum(isinstance(each, StreamEnded) for _, each in found)
        if ended >= 2 * loop:
            stop.set()

    drive = ReplayDrive(
        recording,
        DriveOptions(choice=Choice(), loop=loop > 1, **options),
        pacer=ReplayPacer(None, pauses_of(stop)),
        rounds=rounds,
        emit=emit,
    )
    drive.run()
    return found


def times(found: list[tuple[str, Any]]) -> list[int]:
    return [event.t_us for _, event in found if isinstance(event, FaceObservations)]


def test_each_round_of_a_loop_is_later_than_the_last(recording: Recording) -> None:
    once = driven(recording, rounds=Rounds(None))
    twice = driven(recording, rounds=Rounds(None, loop=True), loop=2)
    assert times(once)[0] == START_US
    first, second = times(twice)[: len(times(once))], times(twice)[len(times(once)) :]
    assert first == times(once)
    assert len(second) == len(first)
    assert min(second) == max(first) + ROUND_GAP_US


def test_shifted_to_now_the_first_event_is_now(recording: Recording) -> None:
    found = driven(recording, rounds=Rounds(lambda: START_US + 999))
    assert min(times(found)) == START_US + 999


def test_plays_come_before_what_shows_them(recording: Recording) -> None:
    found = driven(recording, rounds=Rounds(None))
    for number, (_, event) in enumerate(found):
        if isinstance(event, Play):
            before = [e.t_us for _, e in found[:number] if getattr(e, "stand_id", 0) == event.stand_id]
            assert all(t_us < event.start_us for t_us in before if t_us)


class Broker:
    """A client whose acknowledgements come when a test says so."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.open: list[OnDone] = []
        self.outcome: object = None

    def send(self, message: Message, done: OnDone) -> None:
        self.sent.append(message)
        self.open.append(done)

    def settle(self) -> None:
        waiting, self.open = self.open, []
        for done in waiting:
            done(self.outcome)

    def abandon(self) -> None:
        pass

    def close(self) -> None:
        pass


def sender_of(broker: Broker, clock: Callable[[], float]) -> ReplaySender:
    publisher = Publisher(lambda: broker, PublishOptions(), monotonic_s=clock)
    return ReplaySender(
        Sending(
            publisher=publisher,
            codec=AvroCodec(FileRegistry()),
            producer="replay@test",
            clock_us=lambda: 5,
            stopped=lambda: False,
            patience_s=0.5,
        )
    )


def test_a_play_is_acknowledged_before_an_observation_is_sent() -> None:
    broker = Broker()
    sender = sender_of(broker, lambda: 0.0)
    sender.emit("plays", PLAY)
    sending = threading.Thread(target=sender.emit, args=("observations", OBSERVATIONS))
    sending.start()
    sending.join(0.3)
    assert [message.topic for message in broker.sent] == ["plays"]
    broker.settle()
    sending.join(10)
    assert [message.topic for message in broker.sent] == ["plays", "observations"]
    assert broker.sent[1].about.captured_us is None, "an old capture would spoil the latencies"


def test_a_message_that_the_brokers_refuse_ends_the_replay() -> None:
    broker = Broker()
    broker.outcome = "too_large"
    sender = sender_of(broker, lambda: 0.0)
    sender.emit("observations", OBSERVATIONS)
    broker.settle()
    with pytest.raises(LimitReachedError, match="too_large"):
        sender.emit("observations", OBSERVATIONS)
