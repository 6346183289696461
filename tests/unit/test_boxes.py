"""Boxes: overlap is symmetric and bounded; the assignment is the cheapest one."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.vision.boxes import FORBIDDEN, Box, assign, distance_in_sides, moved, overlap, pair_costs

boxes = st.tuples(st.floats(-100, 100), st.floats(-100, 100), st.floats(1, 100), st.floats(1, 100))


@given(boxes, boxes)
def test_overlap_is_symmetric_and_between_zero_and_one(a: Box, b: Box) -> None:
    assert overlap(a, b) == overlap(b, a)
    assert 0.0 <= overlap(a, b) <= 1.0 + 1e-9


@given(boxes)
def test_a_box_overlaps_itself_wholly(box: Box) -> None:
    assert abs(overlap(box, box) - 1.0) < 1e-9


def test_half_shifted_boxes_share_a_third() -> None:
    assert abs(overlap((0, 0, 10, 10), (5, 0, 10, 10)) - 1 / 3) < 1e-9
    assert overlap((0, 0, 10, 10), (10, 0, 10, 10)) == 0.0


def test_distance_is_measured_in_sides() -> None:
    assert distance_in_sides((0, 0, 10, 10), moved((0, 0, 10, 10), 20, 0)) == 2.0


@settings(max_examples=60)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**31))
def test_the_assignment_is_the_cheapest_of_all(rows: int, columns: int, seed: int) -> None:
    costs = np.random.default_rng(seed).uniform(0, 10, (rows, columns))
    pairs = assign(costs)
    size = min(rows, columns)
    best = min(
        sum(costs[r, c] for r, c in zip(chosen, order, strict=True))
        for chosen in itertools.combinations(range(rows), size)
        for order in itertools.permutations(range(columns), size)
    )
    assert abs(sum(costs[r, c] for r, c in pairs) - best) < 1e-9


def test_forbidden_pairs_are_never_matched() -> None:
    assert assign(np.array([[FORBIDDEN]])) == ()
    assert assign(np.zeros((0, 3))) == ()


def test_faces_of_very_different_size_are_not_the_same_face() -> None:
    costs = pair_costs([(0, 0, 10, 10)], [(0, 0, 30, 30), (1, 1, 10, 10)], [5.0])
    assert costs[0, 0] == FORBIDDEN
    assert costs[0, 1] < 0
