"""Estimates apparent age and gender of a face from its 68 landmarks."""

import msgspec
import numpy as np

from processors.observe.perception.face_alignment import cut_chip, inverse_of, similarity_between
from schemas.ports import Floats, Net, Pixels

AGE_SIDE_PX = 64
GENDER_SIDE_PX = 32
PADDING = 0.25
CHIP_POINTS = (45, 42, 36, 39, 33)
"""Outer and inner corner of the left eye, of the right eye, and the base of the nose (iBUG index)."""
CHIP_TEMPLATE = np.array(
    [
        [0.8595674595992, 0.2134981538014],
        [0.6460604764104, 0.2289674387677],
        [0.1205750620789, 0.2137274526848],
        [0.3340850613712, 0.2290642403242],
        [0.4901123135679, 0.6277975316475],
    ]
)
"""Where those points lie in a chip of side 1 without padding (dlib, get_face_chip_details)."""
MEAN_RGB = np.array([122.782, 117.001, 104.298], dtype=np.float32)
AGES_YEARS = np.concatenate([[0.25], np.arange(1, 81)]).astype(np.float32)
"""The age that each of the 81 outputs stands for."""
UNDERSTATED_FROM_YEARS = 30.0
UNDERSTATED_BY = 0.15
"""The network, whose ages end at 80, reads people above 30 as too young by about this share of the years
above 30 (147 adults of UTKFace, in equal numbers by age band)."""


class AgeGender(msgspec.Struct, frozen=True, kw_only=True):
    """Apparent age and gender; `female_probability` in [0, 1]."""

    age_years: float
    female_probability: float


class AgeGenderEstimator:
    """Reads age and gender from dlib's face chips with two small networks."""

    def __init__(self, age_net: Net, gender_net: Net) -> None:
        self._age_net = age_net
        self._gender_net = gender_net

    def estimate(self, picture: Pixels, landmarks_68: Floats) -> AgeGender:
        """Apparent age and gender of one face, each the mean over the face and its mirror picture.

        Args:
            picture: (h, w, 3) uint8, BGR.
            landmarks_68: (68, 2) landmarks in iBUG order, px.

        Returns:
            Age in years and the probability that the person looks female.
        """
        ages = self._age_net.run({"images": _chips(picture, landmarks_68, AGE_SIDE_PX)})[0].mean(axis=0)
        genders = self._gender_net.run({"images": _chips(picture, landmarks_68, GENDER_SIDE_PX)})[0]
        return AgeGender(
            age_years=corrected_age(float(ages @ AGES_YEARS)),
            female_probability=float(np.clip(genders[:, 0].mean(), 0.0, 1.0)),
        )


def corrected_age(read_years: float) -> float:
    """The age after undoing what the network understates.

    Args:
        read_years: mean age of the network's distribution, years.

    Returns:
        read + 0.15 x (read - 30) above 30 years, else as read.
    """
    return read_years + UNDERSTATED_BY * max(0.0, read_years - UNDERSTATED_FROM_YEARS)


def _chips(picture: Pixels, landmarks_68: Floats, side_px: int) -> Floats:
    template = (CHIP_TEMPLATE + PADDING) / (1 + 2 * PADDING) * side_px
    chip_to_picture = inverse_of(similarity_between(landmarks_68[list(CHIP_POINTS)], template))
    rgb = cut_chip(picture, chip_to_picture, side_px)[:, :, ::-1].astype(np.float32)
    both = np.stack([rgb, rgb[:, ::-1]])
    return np.ascontiguousarray(((both - MEAN_RGB) / 256).transpose(0, 3, 1, 2), dtype=np.float32)
