"""Expressions with a fake network: order, evidence of brows and mouth."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.observe.perception.expression import NET_ORDER, ExpressionClassifier, combined
from processors.observe.perception.face_shape import FaceShape, face_shape
from schemas.events import EXPRESSIONS
from schemas.ports import Floats

REST = FaceShape(brows_raised=0.0, mouth_wide=0.0)
STEPS = st.floats(-2, 2)


class FixedNet:
    """Says the same of every chip; remembers the chips."""

    output_names = ("probs",)

    def __init__(self, scores: Mapping[str, float]) -> None:
        self._scores = [scores.get(label, 0.0) for label in NET_ORDER]
        self.chips: Floats = np.zeros((0, 1, 64, 64), dtype=np.float32)

    def run(self, inputs: Mapping[str, Floats]) -> Sequence[Floats]:
        self.chips = inputs["input"]
        return [np.tile(np.array(self._scores, dtype=np.float32), (len(self.chips), 1))]


def face_at_rest(*, brows: float = 0.36, mouth: float = 0.88, tilt_deg: float = 0.0) -> Floats:
    """68 landmarks with the eyes 100 px apart."""
    points = np.zeros((68, 2))
    points[36:42], points[42:48] = (100, 100), (200, 100)
    points[[21, 22]] = (130, 100 - 100 * brows), (170, 100 - 100 * brows)
    points[48], points[54] = (150 - 50 * mouth, 200), (150 + 50 * mouth, 200)
    turn = np.deg2rad(tilt_deg)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.asarray(points @ rotation.T + 50, dtype=np.float32)


@given(st.lists(st.floats(0, 1), min_size=7, max_size=7), STEPS, STEPS)
def test_scores_sum_to_one(scores: list[float], brows: float, mouth: float) -> None:
    seen = combined(np.array(scores), FaceShape(brows_raised=brows, mouth_wide=mouth))
    assert sum(seen.scores) == pytest.approx(1.0)
    assert min(seen.scores) >= 0
    assert seen.label == EXPRESSIONS[int(np.argmax(seen.scores))]


@pytest.mark.parametrize("label", EXPRESSIONS)
def test_a_sure_network_is_believed_for_a_face_at_rest(label: str) -> None:
    net = FixedNet({label: 1.0})
    seen = ExpressionClassifier(net).classify(np.zeros((400, 400, 3), dtype=np.uint8), face_at_rest())
    assert seen.label == label


@given(STEPS, STEPS)
def test_raised_brows_speak_for_surprise_and_against_anger(one: float, other: float) -> None:
    low, high = sorted((one, other))
    scores = np.full(7, 1 / 7)
    before, after = (
        dict(
            zip(EXPRESSIONS, combined(scores, FaceShape(brows_raised=b, mouth_wide=0.0)).scores, strict=True)
        )
        for b in (low, high)
    )
    assert after["surprise"] >= before["surprise"]
    assert after["angry"] <= before["angry"]


def test_a_wide_mouth_speaks_for_a_smile() -> None:
    scores = np.full(7, 1 / 7)
    wide = combined(scores, FaceShape(brows_raised=0.0, mouth_wide=2.0))
    assert wide.label == "happy"
    happy = EXPRESSIONS.index("happy")
    assert wide.scores[happy] > combined(scores, REST).scores[happy]


def test_an_open_mouth_with_raised_brows_is_surprise_not_anger() -> None:
    scores = np.array([{"angry": 0.5, "surprise": 0.3, "fear": 0.2}.get(label, 0.0) for label in EXPRESSIONS])
    assert combined(scores, REST).label == "angry"
    assert combined(scores, FaceShape(brows_raised=1.0, mouth_wide=-0.5)).label == "surprise"


def test_every_chip_is_read_with_its_mirror_picture() -> None:
    net = FixedNet({"happy": 1.0})
    picture = np.random.default_rng(0).integers(0, 255, (400, 400, 3), dtype=np.uint8)
    ExpressionClassifier(net).classify(picture, face_at_rest())
    assert net.chips.shape == (6, 1, 64, 64)
    assert np.array_equal(net.chips[0], net.chips[3][:, :, ::-1])
    assert -1.0 <= net.chips.min() < net.chips.max() <= 1.0


@pytest.mark.parametrize("tilt_deg", [0.0, 30.0, -75.0])
def test_the_shape_of_a_face_does_not_depend_on_its_tilt(tilt_deg: float) -> None:
    shape = face_shape(face_at_rest(brows=0.41, mouth=0.97, tilt_deg=tilt_deg))
    assert shape.brows_raised == pytest.approx(1.0, abs=1e-3)
    assert shape.mouth_wide == pytest.approx(1.0, abs=1e-3)


def test_shapes_are_bounded_and_a_point_is_no_face() -> None:
    assert face_shape(face_at_rest(brows=5.0, mouth=0.0)) == FaceShape(brows_raised=2.0, mouth_wide=-2.0)
    assert face_shape(np.zeros((68, 2), dtype=np.float32)) == REST
