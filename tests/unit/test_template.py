"""Alignment and templates with a fake network."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.observe.perception.face_alignment import cut_chip, inverse_of, similarity_between
from processors.observe.perception.template import ARCFACE_POINTS_PX, TemplateExtractor
from schemas.ports import Floats, Pixels


class MeansNet:
    """Answers with the mean colour of 128 blocks of what it is shown."""

    output_names = ("fc1",)

    def __init__(self) -> None:
        self.seen: list[Floats] = []

    def run(self, inputs: Mapping[str, Floats]) -> Sequence[Floats]:
        data = inputs["data"]
        assert data.shape == (1, 3, 112, 112)
        assert data.dtype == np.float32
        self.seen.append(data)
        blocks = data[0].reshape(3, 8, 14, 7, 16).mean(axis=(2, 4)).reshape(-1)[:128]
        return [blocks[None].astype(np.float32)]


def noise(height: int = 160, width: int = 200) -> Pixels:
    small = np.random.default_rng(0).integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
    return np.repeat(np.repeat(small, 8, axis=0), 8, axis=1)


@given(st.floats(0.2, 5), st.floats(-3, 3), st.floats(-50, 50), st.floats(-50, 50))
def test_a_similarity_is_found_again(scale: float, turn: float, x: float, y: float) -> None:
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    target = ARCFACE_POINTS_PX @ linear.T + [x, y]
    found = similarity_between(ARCFACE_POINTS_PX, target)
    assert found == pytest.approx(np.column_stack([linear, [x, y]]), abs=1e-2)
    back = inverse_of(found)
    assert target @ back[:, :2].T + back[:, 2] == pytest.approx(ARCFACE_POINTS_PX, abs=0.05)


def test_coinciding_points_do_not_crash() -> None:
    assert np.isfinite(similarity_between(np.zeros((5, 2)), ARCFACE_POINTS_PX)).all()


def test_a_face_that_lies_as_in_the_template_is_shown_as_it_is_in_rgb() -> None:
    picture, net = noise(), MeansNet()
    TemplateExtractor(net).extract(picture, ARCFACE_POINTS_PX + np.array([20, 10], dtype=np.float32))
    expected = picture[10:122, 20:132, ::-1].transpose(2, 0, 1)
    assert np.abs(net.seen[0][0] - expected).mean() < 1.0


def test_templates_have_length_one() -> None:
    extractor = TemplateExtractor(MeansNet())
    landmarks = np.random.default_rng(1).uniform(30, 130, (68, 2)).astype(np.float32)
    for template in (
        extractor.extract(noise(), ARCFACE_POINTS_PX),
        extractor.extract_robust(noise(), ARCFACE_POINTS_PX),
        extractor.extract_robust(noise(), ARCFACE_POINTS_PX, landmarks),
    ):
        assert template.shape == (128,)
        assert template.dtype == np.float32
        assert float(np.linalg.norm(template)) == pytest.approx(1.0, abs=1e-5)


def test_the_robust_template_is_the_same_for_the_mirror_picture() -> None:
    extractor, picture = TemplateExtractor(MeansNet()), noise()
    width = picture.shape[1]
    plain = extractor.extract_robust(picture, symmetric())
    other = extractor.extract_robust(np.ascontiguousarray(picture[:, ::-1]), mirrored_points(width))
    assert float(plain @ other) > 0.999


def symmetric() -> Floats:
    """Five points that are their own mirror picture about the middle of the chip."""
    x = ARCFACE_POINTS_PX - np.array([55.5, 0])
    both = (x + x[[1, 0, 2, 4, 3]] * np.array([-1, 1])) / 2
    return np.asarray(both + np.array([75.5, 10]), dtype=np.float32)


def mirrored_points(width: int) -> Floats:
    return np.asarray(
        symmetric()[[1, 0, 2, 4, 3]] * np.array([-1, 1]) + np.array([width - 1, 0]), dtype=np.float32
    )


def test_a_large_face_is_averaged_not_thinned_out() -> None:
    stripes = np.zeros((512, 512, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    four = np.array([[4, 0, 1.5], [0, 4, 1.5]], dtype=np.float32)
    chip = cut_chip(stripes, four, 64)
    assert 100 < chip[2:-2, 2:-2].min() <= chip[2:-2, 2:-2].max() < 155
