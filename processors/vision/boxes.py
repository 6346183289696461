"""Boxes: overlap, distance and the best assignment between two sets of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
"""left, top, width, height in pixels."""

FORBIDDEN = 1e6
"""Cost of a pair that must not be matched."""


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0 (apart) to 1 (equal)."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def centre(box: Box) -> tuple[float, float]:
    """The middle of a box, px."""
    return box[0] + box[2] / 2, box[1] + box[3] / 2


def side(box: Box) -> float:
    """Geometric mean of width and height, px."""
    return float((box[2] * box[3]) ** 0.5)


def distance_in_sides(a: Box, b: Box) -> float:
    """Distance of two centres, in units of the mean side of the boxes."""
    (ax, ay), (bx, by) = centre(a), centre(b)
    return float(np.hypot(ax - bx, ay - by)) / max(1e-6, (side(a) + side(b)) / 2)


def moved(box: Box, dx_px: float, dy_px: float) -> Box:
    """The box at another place."""
    return box[0] + dx_px, box[1] + dy_px, box[2], box[3]


def assign(costs: NDArray[np.float64]) -> tuple[tuple[int, int], ...]:
    """The cheapest one-to-one matching.

    Args:
        costs: (rows, columns); `FORBIDDEN` where a pair must not be matched.

    Returns:
        (row, column) of each matched pair, sorted by row.
    """
    if costs.size == 0:
        return ()
    # Loading it takes a third of a second, for which only those who track should wait.
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(costs)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return tuple((row, column) for row, column in pairs if costs[row, column] < FORBIDDEN)


def pair_costs(rows: Sequence[Box], columns: Sequence[Box], reach: Sequence[float]) -> NDArray[np.float64]:
    """What it costs to match each row with each column.

    Args:
        rows: boxes where something is expected.
        columns: boxes where something was found.
        reach: for each row, how far its centre may be off, in sides.

    Returns:
        (rows, columns): distance in sides minus overlap, `FORBIDDEN` out of reach or when the sizes differ
        by more than a factor of two.
    """
    costs = np.full((len(rows), len(columns)), FORBIDDEN)
    for i, (row, limit) in enumerate(zip(rows, reach, strict=True)):
        for j, column in enumerate(columns):
            distance = distance_in_sides(row, column)
            if distance <= limit and 0.5 <= side(row) / max(1e-6, side(column)) <= 2.0:
                costs[i, j] = distance - overlap(row, column)
    return costs
