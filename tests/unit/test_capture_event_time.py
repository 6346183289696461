"""Event time: exact positions at any rate, wrong time stamps survived, a wall clock that is set."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.cameras.event_time import LiveClock, PositionClock, WallClock, frame_rate, nominal_us
from schemas.clocks import Clocks


@pytest.mark.parametrize(
    ("fps", "ratio"),
    [
        (12.0, Fraction(12)),
        (29.97, Fraction(2997, 100)),
        (29.97002997002997, Fraction(30000, 1001)),
        (23.976023976023978, Fraction(24000, 1001)),
        (0.5, Fraction(1, 2)),
        (0.0, Fraction(25)),
        (-5.0, Fraction(25)),
        (float("nan"), Fraction(25)),
        (float("inf"), Fraction(25)),
        (90_000.0, Fraction(25)),
    ],
)
def test_a_rate_becomes_the_ratio_it_was_meant_to_be(fps: float, ratio: Fraction) -> None:
    assert frame_rate(fps, 25.0) == ratio


def test_frame_12_of_a_12_fps_clip_is_at_one_second() -> None:
    assert nominal_us(12, Fraction(12)) == 1_000_000


@given(st.integers(0, 10**9), st.fractions(Fraction(1, 100), 1000, max_denominator=1001))
def test_nominal_is_the_nearest_microsecond(index: int, rate: Fraction) -> None:
    assert abs(nominal_us(index, rate) - index * 1_000_000 / rate) <= Fraction(1, 2)


def positions(rate: Fraction, stamps_ms: list[float]) -> list[int]:
    clock = PositionClock(rate)
    return [clock.position_us(stamp) for stamp in stamps_ms]


def test_stamps_near_the_nominal_place_are_the_nominal_place() -> None:
    stamps = [0.0, 83.0, 167.0, 250.0]
    assert positions(Fraction(12), stamps) == [0, 83_333, 166_667, 250_000]


def test_a_variable_rate_follows_its_stamps() -> None:
    assert positions(Fraction(10), [0.0, 100.0, 450.0, 500.0]) == [0, 100_000, 450_000, 500_000]


def test_the_first_stamp_is_the_origin() -> None:
    assert positions(Fraction(10), [1400.0, 1500.0]) == [0, 100_000]


@pytest.mark.parametrize("wrong", [float("nan"), 0.0, -1e9, 1e18])
def test_wrong_stamps_fall_back_to_the_rate(wrong: float) -> None:
    assert positions(Fraction(10), [wrong] * 4) == [0, 100_000, 200_000, 300_000]


@given(
    st.fractions(Fraction(1, 100), 1000, max_denominator=1001),
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=50),
)
def test_positions_strictly_increase_whatever_the_container_claims(
    rate: Fraction, stamps: list[float]
) -> None:
    out = positions(rate, stamps)
    assert all(earlier < later for earlier, later in pairwise(out))


START_US = 1_772_445_600_000_000
HOUR_S = 3_600.0


class Machine:
    """A machine whose wall clock is set, which sleeps, and which is held up between two looks."""

    def __init__(self) -> None:
        self.wall_us, self.boot_s, self.monotonic_s = START_US, 0.0, 0.0
        self.held_up: list[float] = []
        self.wall = WallClock(
            Clocks(now_us=self._now_us, boot_s=lambda: self.boot_s, monotonic_s=lambda: self.monotonic_s)
        )

    def _now_us(self) -> int:
        if self.held_up:
            self.on(self.held_up.pop())
        return self.wall_us

    def on(self, seconds: float) -> None:
        self.wall_us += round(seconds * 1e6)
        self.boot_s += seconds
        self.monotonic_s += seconds

    def sleep(self, seconds: float) -> None:
        """Suspended: the monotonic clock stands still."""
        self.on(seconds)
        self.monotonic_s -= seconds

    def set_by(self, seconds: float) -> None:
        self.wall_us += round(seconds * 1e6)


def stamped(machine: Machine, clock: LiveClock, frames: int) -> list[float]:
    """Event times of frames a tenth of a second apart, s since the start."""
    found = []
    for _ in range(frames):
        machine.on(0.1)
        found.append((clock.stamp_us(machine.wall.read()) - START_US) / 1e6)
    return found


def test_live_frames_carry_the_wall_clock() -> None:
    clock = LiveClock()
    assert stamped(Machine(), clock, 3) == [0.1, 0.2, 0.3]
    assert not clock.jumps


def test_a_clock_that_was_ahead_is_followed_back_at_once() -> None:
    machine, clock = Machine(), LiveClock()
    machine.set_by(3 * HOUR_S)
    assert stamped(machine, clock, 2) == [10_800.1, 10_800.2]
    machine.set_by(-3 * HOUR_S)
    assert stamped(machine, clock, 3) == [0.3, 0.4, 0.5]
    assert clock.jumps == {"back": 1}
    assert machine.wall.read().setting == 1


def test_a_clock_that_was_behind_is_followed_ahead_and_counted() -> None:
    machine, clock = Machine(), LiveClock()
    stamped(machine, clock, 2)
    machine.set_by(3 * HOUR_S)
    assert stamped(machine, clock, 2) == [10_800.3, 10_800.4]
    assert clock.jumps == {"ahead": 1}


@pytest.mark.parametrize("step_s", [-1.0, -0.3, -0.02])
def test_a_small_step_back_is_caught_up_with_and_time_never_goes_back(step_s: float) -> None:
    """A leap second and what NTP sets by itself are no jumps."""
    machine, clock = Machine(), LiveClock()
    before = stamped(machine, clock, 10)
    machine.set_by(step_s)
    after = stamped(machine, clock, 120)
    assert all(earlier < later for earlier, later in pairwise(before + after))
    assert after[-1] == pytest.approx(13.0 + step_s)
    assert not clock.jumps
    assert machine.wall.read().setting == 0


def test_a_small_step_ahead_is_followed_without_a_word() -> None:
    machine, clock = Machine(), LiveClock()
    stamped(machine, clock, 1)
    machine.set_by(0.9)
    assert stamped(machine, clock, 1) == [pytest.approx(1.1)]
    assert not clock.jumps


def test_a_machine_that_sleeps_makes_a_pause_and_no_jump() -> None:
    machine, clock = Machine(), LiveClock()
    stamped(machine, clock, 1)
    machine.sleep(5 * HOUR_S)
    assert stamped(machine, clock, 1) == [18_000.2]
    assert not clock.jumps
    assert machine.wall.read().setting == 0


def test_a_process_that_is_held_up_between_two_looks_has_seen_no_jump() -> None:
    machine, clock = Machine(), LiveClock()
    stamped(machine, clock, 1)
    machine.held_up = [7.0, 3.0]
    stamped(machine, clock, 1)
    machine.held_up = [4.0]
    stamped(machine, clock, 1)
    assert not clock.jumps
    assert machine.wall.read().setting == 0


def test_a_jump_is_told_once_whichever_camera_sees_it(caplog: pytest.LogCaptureFixture) -> None:
    machine, left, right = Machine(), LiveClock(), LiveClock()
    stamped(machine, left, 1), stamped(machine, right, 1)
    machine.set_by(-3 * HOUR_S)
    stamped(machine, left, 2), stamped(machine, right, 2)
    assert (left.jumps, right.jumps) == ({"back": 1}, {"back": 1})
    (told,) = [record.getMessage() for record in caplog.records]
    assert "back by 10800.0 s, from 2026-03-02T10:00:00+00:00 to 2026-03-02T07:00:00+00:00" in told


@given(st.lists(st.tuples(st.floats(0, 5), st.one_of(st.just(0.0), st.floats(-1e5, 1e5))), max_size=60))
def test_live_time_goes_back_only_where_a_jump_is_counted(ticks: list[tuple[float, float]]) -> None:
    """Between two jumps it strictly increases, and it is never more than two seconds from the wall clock."""
    machine, clock, last_us, jumps = Machine(), LiveClock(), None, 0
    for elapsed_s, set_s in ticks:
        machine.on(elapsed_s)
        machine.set_by(set_s)
        reading = machine.wall.read()
        t_us = clock.stamp_us(reading)
        assert -2_000_100 <= reading.wall_us - t_us <= 0
        if last_us is not None and t_us <= last_us:
            assert clock.jumps["back"] == jumps + 1
        last_us, jumps = t_us, clock.jumps["back"]
