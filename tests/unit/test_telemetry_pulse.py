"""Health by progress: a loop that stands still is told from one that waits for a server."""

import logging
import threading

import pytest
from prometheus_client import generate_latest

from onlooker.telemetry.meter import PrometheusMeter
from onlooker.telemetry.pulse import Limits, ProgressPulse, judge

LIMITS = Limits(silent_after_s=30, start_within_s=120)


class Hand:
    """A clock that is turned by hand."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def pulse_at(hand: Hand, meter: PrometheusMeter | None = None) -> ProgressPulse:
    return ProgressPulse(meter or PrometheusMeter(), clock=hand, limits=LIMITS)


def test_who_has_not_begun_is_given_time_and_is_not_ready() -> None:
    health = judge({}, {}, up_s=119, limits=LIMITS)
    assert (health.healthy, health.ready) == (True, False)


def test_who_never_begins_is_not_healthy() -> None:
    health = judge({}, {}, up_s=121, limits=LIMITS)
    assert not health.healthy
    assert health.silent_s == {"start": 121}


def test_who_waits_for_a_server_from_the_start_is_healthy() -> None:
    assert judge({}, {"kafka": "gone"}, up_s=1000, limits=LIMITS).healthy


@pytest.mark.parametrize(("age_s", "moves"), [(29.9, True), (30.0, True), (30.2, False)])
def test_a_loop_is_silent_after_its_limit(age_s: float, moves: bool) -> None:
    health = judge({"poll": age_s, "write": 0}, {}, up_s=1000, limits=LIMITS)
    assert health.healthy is moves
    assert health.ready is moves
    assert ("poll" in health.silent_s) is not moves


def test_a_silent_loop_is_excused_while_something_is_away_but_not_ready() -> None:
    health = judge({"poll": 99}, {"clickhouse": "no answer"}, up_s=1000, limits=LIMITS)
    assert (health.healthy, health.ready) == (True, False)
    assert health.silent_s == {"poll": 99}
    assert health.away == {"clickhouse": "no answer"}


def test_a_lost_dependency_makes_a_moving_service_unready_only() -> None:
    health = judge({"poll": 1}, {"camera a/1": "no picture"}, up_s=1000, limits=LIMITS)
    assert (health.healthy, health.ready) == (True, False)


def test_beats_are_heard() -> None:
    hand = Hand()
    pulse = pulse_at(hand)
    pulse.beat("poll")
    hand.now_s = 25
    pulse.beat("poll")
    hand.now_s = 50
    assert pulse.health().ready
    hand.now_s = 60
    assert not pulse.health().healthy


def test_a_loss_is_logged_once_with_its_end_and_shown_as_a_gauge(caplog: pytest.LogCaptureFixture) -> None:
    hand, meter = Hand(), PrometheusMeter()
    pulse = pulse_at(hand, meter)
    with caplog.at_level(logging.INFO):
        pulse.away("kafka", None)
        pulse.away("kafka", "no broker answers")
        pulse.away("kafka", "still none")
        assert pulse.health().away == {"kafka": "still none"}
        assert 'onlooker_dependency_away{dependency="kafka"} 1.0' in generate_latest(meter.registry).decode()
        hand.now_s = 7
        pulse.away("kafka", None)
        pulse.away("kafka", None)
    assert [record.message for record in caplog.records] == [
        "kafka is away: no broker answers",
        "kafka is back",
    ]
    assert vars(caplog.records[1])["away_s"] == 7
    assert 'onlooker_dependency_away{dependency="kafka"} 0.0' in generate_latest(meter.registry).decode()


def test_many_threads_may_beat_while_health_is_asked() -> None:
    pulse = pulse_at(Hand())

    def beat_often(name: str) -> None:
        for i in range(2000):
            pulse.beat(f"loop {name} {i}")

    threads = [threading.Thread(target=beat_often, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert pulse.health().healthy
    for thread in threads:
        thread.join()


def take_in_vain(pulse: ProgressPulse, hand: Hand, seconds: float, topic: str = "frames") -> None:
    for _ in range(int(seconds)):
        hand.now_s += 1
        pulse.beat("work")
        pulse.ignored(topic, "checkpointed", 3)


def test_who_ignores_all_for_more_than_a_minute_is_not_healthy(caplog: pytest.LogCaptureFixture) -> None:
    hand, meter = Hand(), PrometheusMeter()
    pulse = pulse_at(hand, meter)
    take_in_vain(pulse, hand, 61)
    assert pulse.health().ready
    take_in_vain(pulse, hand, 2)
    pulse.beat("work")
    health = pulse.health()
    assert (health.healthy, health.ready) == (False, False)
    assert "189 as checkpointed, because the checkpoints say" in health.in_vain["frames"]
    assert b'onlooker_in_vain{topic="frames"} 1.0' in generate_latest(meter.registry)
    assert len([each for each in caplog.records if "changed nothing" in each.message]) == 1
    pulse.changed("frames")
    pulse.beat("work")
    assert pulse.health().ready
    assert b'onlooker_in_vain{topic="frames"} 0.0' in generate_latest(meter.registry)


def test_who_reads_a_little_again_or_hears_nothing_more_is_healthy() -> None:
    """After a crash some seconds come again; and what is silent is not in vain."""
    hand = Hand()
    pulse = pulse_at(hand)
    for _ in range(10):
        take_in_vain(pulse, hand, 30)
        pulse.changed("frames")
        assert pulse.health().ready
    for _ in range(10):
        pulse.ignored("frames", "late")
        hand.now_s += 61
        pulse.beat("work")
        assert pulse.health().ready


def test_a_topic_that_changes_something_does_not_excuse_another() -> None:
    hand = Hand()
    pulse = pulse_at(hand)
    for _ in range(8):
        take_in_vain(pulse, hand, 10, "observations")
        pulse.changed("plays")
    assert list(pulse.health().in_vain) == ["observations"]


def test_what_is_away_does_not_excuse_it() -> None:
    hand = Hand()
    pulse = pulse_at(hand)
    pulse.away("kafka", "no broker answers")
    take_in_vain(pulse, hand, 70)
    assert not pulse.health().healthy


def test_a_stand_that_is_set_aside_shows_and_excuses_no_silence(caplog: pytest.LogCaptureFixture) -> None:
    hand, meter = Hand(), PrometheusMeter()
    pulse = pulse_at(hand, meter)
    pulse.beat("work")
    with caplog.at_level(logging.INFO):
        pulse.set_aside("door in frames", "a clock is wrong")
        pulse.set_aside("door in frames", "a clock is wrong")
        health = pulse.health()
        assert (health.healthy, health.ready) == (True, False)
        assert health.set_aside == {"door in frames": "a clock is wrong"}
        assert b"onlooker_stands_set_aside 1.0" in generate_latest(meter.registry)
        hand.now_s = 99
        assert not pulse.health().healthy
        pulse.set_aside("door in frames", None)
        pulse.beat("work")
    assert pulse.health().ready
    assert b"onlooker_stands_set_aside 0.0" in generate_latest(meter.registry)
    assert [record.getMessage() for record in caplog.records] == [
        "the stand door in frames is set aside: a clock is wrong",
        "the stand door in frames is no longer set aside",
    ]
