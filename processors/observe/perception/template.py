"""Makes the face template (128 numbers) by which a person is recognised."""

import numpy as np

from processors.observe.perception.face_alignment import cut_chip, inverse_of, similarity_between
from schemas.ports import Floats, Net, Pixels

CHIP_SIDE_PX = 112
TEMPLATE_SIZE = 128
ARCFACE_POINTS_PX = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    dtype=np.float32,
)
"""Where the five points come to lie in the chip: the ArcFace template, 112 px (insightface)."""
EYES_AND_MOUTH_PX = ARCFACE_POINTS_PX[[0, 1, 3, 4]]
WIDER_POINTS_PX = np.asarray((ARCFACE_POINTS_PX - 56) * 0.93 + 56, dtype=np.float32)
"""The same with a little more around the face."""


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

    def extract_robust(
        self, picture: Pixels, points_px: Floats, landmarks_68: Floats | None = None
    ) -> Floats:
        """The template of one face averaged over several alignments, for enrolment and stills.

        Errors of the alignment differ from view to view, so their mean is steadier: with landmarks 4 more
        in 100 known people are recognised at the same rate of strangers, at three times the cost.

        Args:
            picture: (h, w, 3) uint8, BGR.
            points_px: (5, 2), as for `extract`, px.
            landmarks_68: (68, 2) landmarks in iBUG order, px; None: only the mirror picture is added.

        Returns:
            (128,) float32 of length 1.
        """
        chips = [_align(picture, points_px)]
        if landmarks_68 is None:
            chips.append(chips[0][:, ::-1])
        else:
            chips.append(_align(picture, _eyes_and_mouth(landmarks_68), EYES_AND_MOUTH_PX))
            own = np.insert(_eyes_and_mouth(landmarks_68), 2, landmarks_68[30], axis=0)
            chips.append(_align(picture, own, WIDER_POINTS_PX)[:, ::-1])
        return _unit(np.sum([self._embed(chip) for chip in chips], axis=0, dtype=np.float32))

    def _embed(self, chip: Pixels) -> Floats:
        rgb = chip[:, :, ::-1].transpose(2, 0, 1)[None]
        return _unit(self._net.run({"data": np.ascontiguousarray(rgb, dtype=np.float32)})[0][0])


def _align(picture: Pixels, points_px: Floats, target_px: Floats = ARCFACE_POINTS_PX) -> Pixels:
    chip_to_picture = inverse_of(similarity_between(points_px, target_px))
    return cut_chip(picture, chip_to_picture, CHIP_SIDE_PX)


def _eyes_and_mouth(landmarks_68: Floats) -> Floats:
    """Middle of the right eye, of the left eye, right and left mouth corner, (4, 2)."""
    eyes = landmarks_68[[36, 39, 42, 45]].reshape(2, 2, 2).mean(axis=1)
    return np.concatenate([eyes, landmarks_68[[48, 54]]])


def _unit(vector: Floats) -> Floats:
    length = float(np.linalg.norm(vector))
    return (vector / length if length > 0 else vector).astype(np.float32)
