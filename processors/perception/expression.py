"""Reads the facial expression: seven label scores and a valence."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from processors.perception.alignment import cut_chip
from processors.vision.pixels import grey
from schemas.events import EXPRESSIONS
from schemas.ports import Floats, Net, Pixels

CHIP_SIDE_PX = 64
BOX_MARGIN = 1.2
NET_ORDER = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""Order of the network's outputs (FER2013)."""
FROM_NET = tuple(NET_ORDER.index(label) for label in EXPRESSIONS)
VALENCE_BY_LABEL = {"happy": 1.0, "sad": -1.0, "angry": -1.0, "fear": -1.0, "disgust": -1.0}
"""Neutral and surprise count as neither pleasant nor unpleasant."""
VALENCE_WEIGHTS = np.array([VALENCE_BY_LABEL.get(label, 0.0) for label in EXPRESSIONS])


class Expression(msgspec.Struct, frozen=True, kw_only=True):
    """A facial expression, not what a person feels.

    `scores` follow `EXPRESSIONS` and sum to 1; `label` has the largest; `valence` in [-1, 1].
    """

    label: str
    scores: tuple[float, ...]
    valence: float


class ExpressionClassifier:
    """Reads the expression from a grey chip of the face with a FER2013 network."""

    def __init__(self, net: Net) -> None:
        self._net = net

    def classify(self, picture: Pixels, box_px: tuple[float, float, float, float]) -> Expression:
        """The expression of one face.

        Args:
            picture: (h, w, 3) uint8, BGR.
            box_px: left, top, width, height of the face, px.

        Returns:
            Label, scores and valence.
        """
        probabilities = self._net.run({"input": _chip(picture, box_px)})[0][0]
        return expression_from(probabilities.astype(np.float64)[list(FROM_NET)])


def expression_from(scores: NDArray[np.float64]) -> Expression:
    """The expression that seven scores stand for.

    Args:
        scores: (7,) >= 0, in the order of `EXPRESSIONS`.

    Returns:
        The scores made to sum to 1, their best label, and the valence: P(happy) minus the sum of
        P(sad), P(angry), P(fear) and P(disgust).
    """
    shares = scores / scores.sum()
    return Expression(
        label=EXPRESSIONS[int(shares.argmax())],
        scores=tuple(float(share) for share in shares),
        valence=float(np.clip(shares @ VALENCE_WEIGHTS, -1.0, 1.0)),
    )


def _chip(picture: Pixels, box_px: tuple[float, float, float, float]) -> Floats:
    left, top, width, height = box_px
    side = max(width, height) * BOX_MARGIN
    step = side / CHIP_SIDE_PX
    chip_to_picture = np.array(
        [[step, 0, left + width / 2 - side / 2], [0, step, top + height / 2 - side / 2]], dtype=np.float32
    )
    chip = grey(cut_chip(picture, chip_to_picture, CHIP_SIDE_PX)).astype(np.float32)
    return np.asarray((chip / 255 - 0.5) * 2, dtype=np.float32)[None, None]
