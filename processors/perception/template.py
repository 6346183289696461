"""Makes the face template (128 numbers) by which a person is recognised."""

import numpy as np

from processors.perception.alignment import cut_chip, inverse_of, similarity_between
from schemas.ports import Floats, Net, Pixels

CHIP_SIDE_PX = 112
TEMPLATE_SIZE = 128
ARCFACE_POINTS_PX = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    dtype=np.float32,
)
"""Where the five points come to lie in the chip: the ArcFace template, 112 px (insightface)."""


class TemplateExtractor:
    """Turns a face into a template with an SFace network."""

    def __init__(self, net: Net) -> None:
        self._net = net

    def extract(self, picture: Pixels, points_px: Floats) -> Floats:
        """The template of one face.

        Args:
            picture: (h, w, 3) uint8, BGR.
            points_px: (5, 2): right eye, left eye, nose, right and left mouth corner of the person, px.

        Returns:
            (128,) float32 of length 1; the cosine of two is their dot product.
        """
        return _unit(self._embed(_align(picture, points_px)))

    def extract_robust(self, picture: Pixels, points_px: Floats) -> Floats:
        """The template of one face averaged with that of its mirror picture, at twice the time.

        Args:
            picture: (h, w, 3) uint8, BGR.
            points_px: (5, 2), as for `extract`, px.

        Returns:
            (128,) float32 of length 1.
        """
        chip = _align(picture, points_px)
        return _unit(self._embed(chip) + self._embed(chip[:, ::-1]))

    def _embed(self, chip: Pixels) -> Floats:
        rgb = chip[:, :, ::-1].transpose(2, 0, 1)[None]
        return _unit(self._net.run({"data": np.ascontiguousarray(rgb, dtype=np.float32)})[0][0])


def _align(picture: Pixels, points_px: Floats) -> Pixels:
    chip_to_picture = inverse_of(similarity_between(points_px, ARCFACE_POINTS_PX))
    return cut_chip(picture, chip_to_picture, CHIP_SIDE_PX)


def _unit(vector: Floats) -> Floats:
    length = float(np.linalg.norm(vector))
    return (vector / length if length > 0 else vector).astype(np.float32)
