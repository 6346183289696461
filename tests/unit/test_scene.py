"""Scene cuts: another room is a cut; movement, noise and lights going on are not."""

import numpy as np

from processors.observe.scene import is_cut, thumbnail
from schemas.ports import Pixels


def room(seed: int) -> Pixels:
    """A blocky random picture, as unlike another seed's as two rooms are."""
    blocks = np.random.default_rng(seed).integers(0, 255, (9, 16, 3), dtype=np.uint8)
    return np.kron(blocks, np.ones((30, 30, 1), dtype=np.uint8))


def test_the_first_frame_is_no_cut() -> None:
    assert not is_cut(None, thumbnail(room(1)))


def test_another_room_is_a_cut() -> None:
    assert is_cut(thumbnail(room(1)), thumbnail(room(2)))


def test_noise_is_no_cut() -> None:
    noise = np.random.default_rng(3).integers(0, 30, room(1).shape, dtype=np.uint8)
    assert not is_cut(thumbnail(room(1)), thumbnail(room(1) // 2 + noise))


def test_lights_going_on_are_no_cut() -> None:
    dark = room(1) // 4
    assert not is_cut(thumbnail(dark), thumbnail(room(1)))


def test_a_camera_that_goes_black_is_a_cut() -> None:
    black = np.zeros_like(room(1))
    assert is_cut(thumbnail(room(1)), thumbnail(black))
