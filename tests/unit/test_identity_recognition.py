"""Recognition on made-up templates: thresholds, votes, strangers, and nothing printed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from processors.observe.identity import (
    Gallery,
    IdentityOptions,
    IdentityVote,
    Recogniser,
    acceptance_threshold,
)
from schemas.ports import Floats

RATES = st.floats(min_value=1e-4, max_value=0.2)


def unit(vectors: NDArray[Any]) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), dtype=np.float32)


def faces(seed: int, people: int, pictures: int, *, spread: float = 0.9) -> Floats:
    """(people, pictures, 128): strangers have a cosine of about 0.1, pictures of one person of about 0.55."""
    rng = np.random.default_rng(seed)
    shared = unit(rng.normal(size=128)) * 0.35
    own = unit(rng.normal(size=(people, 1, 128)))
    return unit(shared + own + unit(rng.normal(size=(people, pictures, 128))) * spread)


def gallery_of(enrolled: Floats) -> Gallery:
    return Gallery({f"p{index:03d}": templates for index, templates in enumerate(enrolled)})


@given(st.integers(min_value=1, max_value=5000), st.integers(min_value=1, max_value=5000), RATES)
def test_a_larger_gallery_needs_a_higher_threshold(one: int, other: int, rate: float) -> None:
    small, large = sorted((one, other))
    assert acceptance_threshold(small, rate) <= acceptance_threshold(large, rate)


@given(st.integers(min_value=1, max_value=5000), RATES, RATES)
def test_a_stricter_rate_needs_a_higher_threshold(people: int, one: float, other: float) -> None:
    strict, loose = sorted((one, other))
    assert acceptance_threshold(people, strict) >= acceptance_threshold(people, loose)


def test_the_threshold_of_one_person_is_a_normal_quantile() -> None:
    assert acceptance_threshold(1, 0.01) == pytest.approx(1.11 * 2.3263, abs=1e-3)
    assert acceptance_threshold(100, 0.01) == pytest.approx(1.11 * 3.7184, abs=2e-3)


@pytest.mark.parametrize("people", [1, 5, 20, 100])
def test_people_are_known_and_strangers_are_not(people: int) -> None:
    crowd = faces(1, people + 300, 6)
    recogniser = Recogniser(gallery_of(crowd[:people, :4]), IdentityOptions())
    named = [recogniser.match(probe) for probe in crowd[:people, 4:].reshape(-1, 128)]
    right = [m is not None and m.person_id == f"p{i // 2:03d}" for i, m in enumerate(named)]
    accepted = [recogniser.match(probe) is not None for probe in crowd[people:, 0]]
    assert np.mean(right) >= 0.9
    assert np.mean(accepted) <= 0.02


def test_a_looser_rate_lets_more_in() -> None:
    crowd = faces(2, 320, 2, spread=1.6)
    enrolled = gallery_of(crowd[:20, :1])
    strict, loose = (Recogniser(enrolled, IdentityOptions(false_positive_rate=rate)) for rate in (0.001, 0.3))
    assert sum(loose.match(probe) is not None for probe in crowd[20:, 0]) > sum(
        strict.match(probe) is not None for probe in crowd[20:, 0]
    )


def vote_over(recogniser: Recogniser, probes: Sequence[tuple[Floats, float]]) -> IdentityVote:
    vote: IdentityVote | None = None
    for template, quality in probes:
        vote = recogniser.voted(vote, template, quality)
    assert vote is not None
    return vote


@given(st.permutations(range(5)), st.lists(st.floats(0, 1), min_size=5, max_size=5))
def test_a_vote_does_not_depend_on_the_order(order: list[int], qualities: list[float]) -> None:
    crowd = faces(3, 8, 9)
    recogniser = Recogniser(gallery_of(crowd[:, :4]), IdentityOptions())
    probes = [(crowd[0, 4 + i], qualities[i]) for i in range(5)]
    one, other = vote_over(recogniser, probes), vote_over(recogniser, [probes[i] for i in order])
    assert one.weight == pytest.approx(other.weight)
    assert one.weighted_similarities == pytest.approx(other.weighted_similarities)
    first, second = recogniser.decided(one), recogniser.decided(other)
    assert (first and first.person_id) == (second and second.person_id)


def test_good_faces_outvote_a_bad_one() -> None:
    crowd = faces(4, 8, 9)
    recogniser = Recogniser(gallery_of(crowd[:, :4]), IdentityOptions())
    good = [(crowd[2, 4 + i], 0.9) for i in range(4)]
    match = recogniser.decided(vote_over(recogniser, [(crowd[5, 5], 0.05), *good]))
    assert match is not None
    assert match.person_id == "p002"
    assert 0.3 < match.similarity <= 1.0


def test_one_face_counts_whatever_its_quality() -> None:
    crowd = faces(5, 4, 6)
    recogniser = Recogniser(gallery_of(crowd[:, :4]), IdentityOptions())
    for quality in (0.0, 0.5, 1.0):
        match = recogniser.decided(recogniser.voted(None, crowd[1, 5], quality))
        assert match is not None
        assert match.person_id == "p001"


def test_an_empty_gallery_knows_nobody() -> None:
    recogniser = Recogniser(Gallery({}), IdentityOptions())
    assert recogniser.match(faces(6, 1, 1)[0, 0]) is None


def test_a_vote_of_another_gallery_begins_anew() -> None:
    crowd = faces(7, 6, 3)
    small, large = (Recogniser(gallery_of(crowd[:n]), IdentityOptions()) for n in (3, 6))
    vote = large.voted(small.voted(None, crowd[0, 0], 1.0), crowd[0, 1], 1.0)
    assert vote.weight == 1.0
    assert len(vote.weighted_similarities) == 6


def test_printing_shows_no_numbers_of_a_face() -> None:
    enrolled = gallery_of(faces(8, 3, 2))
    vote = Recogniser(enrolled, IdentityOptions()).voted(None, faces(9, 1, 1)[0, 0], 0.5)
    assert repr(enrolled) == "Gallery(3 people)"
    assert repr(vote) == "IdentityVote(weight=0.50)"
