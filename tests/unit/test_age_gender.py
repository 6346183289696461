"""Age and gender with fake networks: chips, averaging, and the correction of age."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.observe.perception.age_gender import (
    CHIP_POINTS,
    CHIP_TEMPLATE,
    AgeGenderEstimator,
    corrected_age,
)
from schemas.ports import Floats


class TwoAnswersNet:
    """Answers one row for the face and one for its mirror picture."""

    output_names = ("probabilities",)

    def __init__(self, side: int, rows: Floats) -> None:
        self._side = side
        self._rows = rows
        self.chips: Floats = np.zeros((0,), dtype=np.float32)

    def run(self, inputs: Mapping[str, Floats]) -> Sequence[Floats]:
        self.chips = inputs["images"]
        assert self.chips.shape == (2, 3, self._side, self._side)
        return [self._rows]


def ages(*indices: int) -> Floats:
    return np.eye(81, dtype=np.float32)[list(indices)]


def landmarks(side: float, left: float, top: float) -> Floats:
    """Landmarks of a face whose chip without padding is a square at left, top."""
    points = np.zeros((68, 2), dtype=np.float32)
    points[list(CHIP_POINTS)] = CHIP_TEMPLATE * side + [left, top]
    return points


def test_the_mean_over_face_and_mirror_picture() -> None:
    age_net, gender_net = (
        TwoAnswersNet(64, ages(20, 24)),
        TwoAnswersNet(32, np.array([[0.9, 0.1], [0.5, 0.5]])),
    )
    picture = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    seen = AgeGenderEstimator(age_net, gender_net).estimate(picture, landmarks(64, 60, 60))
    assert seen.age_years == pytest.approx(22.0)
    assert seen.female_probability == pytest.approx(0.7)
    assert np.array_equal(age_net.chips[0], age_net.chips[1][:, :, ::-1])


def test_a_baby_is_a_quarter_of_a_year_old() -> None:
    nets = TwoAnswersNet(64, ages(0, 0)), TwoAnswersNet(32, np.array([[0.0, 1.0], [0.0, 1.0]]))
    picture = np.zeros((200, 200, 3), dtype=np.uint8)
    assert AgeGenderEstimator(*nets).estimate(picture, landmarks(64, 60, 60)).age_years == 0.25


def test_the_chip_shows_the_padded_face_in_rgb() -> None:
    picture = np.zeros((200, 200, 3), dtype=np.uint8)
    picture[:, :, 2] = 200  # red, in BGR
    age_net = TwoAnswersNet(64, ages(30, 30))
    nets = age_net, TwoAnswersNet(32, np.array([[1.0, 0.0], [1.0, 0.0]]))
    AgeGenderEstimator(*nets).estimate(picture, landmarks(64, 60, 60))
    red, _, blue = age_net.chips[0]
    assert red == pytest.approx((200 - 122.782) / 256, abs=1e-4)
    assert blue == pytest.approx((0 - 104.298) / 256, abs=1e-4)


@given(st.floats(0.25, 80), st.floats(0.25, 80))
def test_the_correction_keeps_the_order_and_leaves_the_young_alone(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert corrected_age(low) <= corrected_age(high)
    assert corrected_age(min(low, 30.0)) == min(low, 30.0)
    assert corrected_age(70.0) == pytest.approx(76.0)
