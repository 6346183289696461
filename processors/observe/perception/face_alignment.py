"""Cuts an upright face out of a picture: similarity transforms and chips without aliasing."""

import math

import numpy as np
from numpy.typing import NDArray

from processors.vision.pixels import resized, warp
from schemas.ports import Floats, Pixels

Points = NDArray[np.float32] | NDArray[np.float64]
"""Any float array of points, (n, 2), px."""

MAX_OVERSAMPLING = 8


def similarity_between(source: Points, target: Points) -> Floats:
    """The rotation, scale and shift that best take one set of points to another.

    Args:
        source: (n, 2) points.
        target: (n, 2) points they should come to lie on.

    Returns:
        (2, 3) float32 affine, least squares, without reflection.

    Source: Umeyama, "Least-squares estimation of transformation parameters between two point
    patterns", PAMI 13 (1991), in two dimensions, where it is a complex regression.
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    a = (source - source_mean) @ np.array([1, 1j])
    b = (target - target_mean) @ np.array([1, 1j])
    spread = float((a * a.conj()).real.sum())
    turn = complex(b @ a.conj()) / spread if spread > 0 else 1 + 0j
    linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    shift = target_mean - linear @ source_mean
    return np.column_stack([linear, shift]).astype(np.float32)


def inverse_of(affine: Floats) -> Floats:
    """The affine that undoes another.

    Args:
        affine: (2, 3) affine.

    Returns:
        (2, 3) float32 affine.
    """
    linear = np.linalg.inv(affine[:, :2].astype(np.float64))
    return np.column_stack([linear, -linear @ affine[:, 2]]).astype(np.float32)


def cut_chip(picture: Pixels, chip_to_picture: Floats, side_px: int) -> Pixels:
    """A square chip of a face; sampled densely and averaged when the face is larger than the chip.

    Args:
        picture: (h, w, 3) uint8.
        chip_to_picture: (2, 3) affine from a pixel of the chip to a pixel of the picture.
        side_px: side of the chip.

    Returns:
        (side_px, side_px, 3) uint8.
    """
    scale = math.sqrt(abs(float(np.linalg.det(chip_to_picture[:, :2]))))
    dense = min(MAX_OVERSAMPLING, max(1, round(scale)))
    if dense == 1:
        return warp(picture, chip_to_picture, side_px, side_px)
    finer = chip_to_picture.copy()
    finer[:, :2] /= dense
    # Pixel centres: chip pixel c covers the fine pixels dense*c .. dense*c + dense - 1.
    finer[:, 2] -= finer[:, :2] @ np.full(2, (dense - 1) / 2, dtype=np.float32)
    return resized(warp(picture, finer, side_px * dense, side_px * dense), side_px, side_px)
