"""Event time: exact positions at any rate, wrong time stamps survived, a live clock that never goes back."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.cameras.event_time import LiveClock, PositionClock, frame_rate, nominal_us


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


def test_live_frames_carry_the_wall_clock() -> None:
    clock = LiveClock()
    assert [clock.stamp_us(1_000, 0.0), clock.stamp_us(41_000, 0.04)] == [1_000, 41_000]
    assert clock.steps_back == 0


def test_a_clock_set_back_is_counted_once_and_caught_up_with() -> None:
    clock = LiveClock()
    clock.stamp_us(10_000_000, 0.0)
    stamps = [clock.stamp_us(9_900_000 + second * 1_000_000, float(second)) for second in range(1, 4)]
    assert stamps == [10_900_000, 11_900_000, 12_900_000]
    assert clock.steps_back == 0  # behind by a tenth of a second, and the wall clock was ahead again at once
    clock.stamp_us(5_000_000, 4.0)
    clock.stamp_us(6_000_000, 5.0)
    assert clock.steps_back == 1


@given(st.lists(st.tuples(st.integers(0, 10**16), st.floats(0, 5)), min_size=2, max_size=60))
def test_live_time_never_goes_back(ticks: list[tuple[int, float]]) -> None:
    clock, monotonic_s, stamps = LiveClock(), 0.0, []
    for wall_us, elapsed_s in ticks:
        monotonic_s += elapsed_s
        stamps.append(clock.stamp_us(wall_us, monotonic_s))
    assert all(earlier < later for earlier, later in pairwise(stamps))


def test_a_long_step_back_keeps_durations_nearly_right() -> None:
    clock = LiveClock()
    clock.stamp_us(3_600_000_000, 0.0)
    first = clock.stamp_us(1_000_000, 1.0)
    second = clock.stamp_us(2_000_000, 2.0)
    assert (first, second) == (3_600_900_000, 3_601_800_000)
