"""Traits: each network looks at its own rate; means and smoothed scores stay within what was seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.observe.traits import (
    TraitOptions,
    Traits,
    age_gender_due,
    expression_due,
    label_of,
    template_due,
    with_age_gender,
    with_expression,
    with_template,
)
from schemas.events import EXPRESSIONS, Pose

OPTIONS = TraitOptions()
FRONTAL = Pose(yaw_deg=0, pitch_deg=0, roll_deg=0)
PROFILE = Pose(yaw_deg=80, pitch_deg=0, roll_deg=0)
HAPPY = tuple(1.0 if label == "happy" else 0.0 for label in EXPRESSIONS)
NEUTRAL = tuple(1.0 if label == "neutral" else 0.0 for label in EXPRESSIONS)


def test_an_expression_is_read_at_once_and_then_at_its_rate() -> None:
    assert expression_due(Traits(), FRONTAL, 0, OPTIONS)
    read = with_expression(Traits(), HAPPY, 0, OPTIONS)
    assert not expression_due(read, FRONTAL, 399_999, OPTIONS)
    assert expression_due(read, FRONTAL, 400_000, OPTIONS)


def test_a_profile_is_not_read() -> None:
    assert not expression_due(Traits(), PROFILE, 0, OPTIONS)
    assert not age_gender_due(Traits(), PROFILE, 0, OPTIONS)


def test_a_new_expression_replaces_an_old_one_within_a_second() -> None:
    traits = with_expression(Traits(), NEUTRAL, 0, OPTIONS)
    traits = with_expression(traits, HAPPY, 1_000_000, OPTIONS)
    assert traits.expression_scores is not None
    assert label_of(traits.expression_scores) == "happy"
    assert sum(traits.expression_scores) == pytest.approx(1)


def test_age_is_read_more_seldom_after_five_estimates() -> None:
    traits, t_us = Traits(), 0
    for _ in range(OPTIONS.age_gender_first):
        assert age_gender_due(traits, FRONTAL, t_us, OPTIONS)
        traits = with_age_gender(traits, 30, 0.2, weight=1, t_us=t_us)
        t_us += 700_000
    assert not age_gender_due(traits, FRONTAL, t_us, OPTIONS)
    assert age_gender_due(traits, FRONTAL, t_us + 6_300_000, OPTIONS)


@given(st.lists(st.tuples(st.floats(0, 80), st.floats(0, 1), st.floats(0.01, 1)), min_size=1))
def test_the_mean_stays_within_the_estimates(estimates: list[tuple[float, float, float]]) -> None:
    traits = Traits()
    for age, female, weight in estimates:
        traits = with_age_gender(traits, age, female, weight=weight, t_us=0)
    ages = [age for age, _, _ in estimates]
    assert traits.age_years is not None
    assert min(ages) - 1e-6 <= traits.age_years <= max(ages) + 1e-6
    assert traits.age_gender_count == len(estimates)


def test_a_template_is_made_of_the_first_good_face_and_of_clearly_better_ones() -> None:
    assert not template_due(Traits(), 0.9, 2, 0, OPTIONS), "the track is not confirmed yet"
    assert not template_due(Traits(), 0.1, 3, 0, OPTIONS), "the face is too poor"
    assert template_due(Traits(), 0.5, 3, 0, OPTIONS)
    first = with_template(Traits(), 0.5, 0)
    assert not template_due(first, 0.55, 9, 1_000_000, OPTIONS)
    assert template_due(first, 0.6, 9, 1_000_000, OPTIONS)
    assert not template_due(first, 0.6, 9, 400_000, OPTIONS), "too soon after the last one"


def test_a_track_is_embedded_only_so_often() -> None:
    traits, quality, t_us = Traits(), 0.3, 0
    for _ in range(OPTIONS.template_most):
        traits = with_template(traits, quality, t_us)
        quality, t_us = quality * 1.2, t_us + 1_000_000
    assert not template_due(traits, 1.0, 99, t_us, OPTIONS)
