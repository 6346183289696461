"""Reads the facial expression: seven label scores."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from processors.observe.perception.face_alignment import cut_chip, inverse_of, similarity_between
from processors.observe.perception.face_shape import FaceShape, face_shape
from processors.vision.pixels import grey
from schemas.events import EXPRESSIONS
from schemas.ports import Floats, Net, Pixels

CHIP_SIDE_PX = 64
CHIP_POINTS = np.array([[14.6, 19.3], [33.4, 19.3], [24.0, 38.0]]) / 48
"""Where the right eye, the left eye and the middle of the mouth lie in the pictures that the network
learnt from, as shares of their side (medians of FER2013 pictures, half a pixel lower)."""
SCALES = (0.95, 1.05, 1.15)
"""Sizes of the face in the chip; each is read as it is and mirrored."""
NET_ORDER = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""Order of the network's outputs (FER2013)."""
FROM_NET = tuple(NET_ORDER.index(label) for label in EXPRESSIONS)
FLOOR = 0.01
"""Added to the network's scores: it must not rule anything out."""
EVIDENCE_BY_LABEL = {
    "happy": (0.0, 0.5),
    "surprise": (1.0, -0.5),
    "angry": (-0.25, 0.0),
    "disgust": (-0.25, 0.0),
}
"""Logits for each label and step of raised brows and of a wide mouth (see `FaceShape`)."""
EVIDENCE = np.array([EVIDENCE_BY_LABEL.get(label, (0.0, 0.0)) for label in EXPRESSIONS])


class Expression(msgspec.Struct, frozen=True, kw_only=True):
    """A facial expression, not what goes on inside a person.

    `scores` follow `EXPRESSIONS` and sum to 1; `label` has the largest.
    """

    label: str
    scores: tuple[float, ...]


class ExpressionClassifier:
    """Reads the expression with a FER2013 network, corrected by the shape of brows and mouth."""

    def __init__(self, net: Net) -> None:
        self._net = net

    def classify(self, picture: Pixels, landmarks_68: Floats) -> Expression:
        """The expression of one face: the mean over three sizes of its chip, each with its mirror picture.

        Args:
            picture: (h, w, 3) uint8, BGR.
            landmarks_68: (68, 2) landmarks in iBUG order, px.
        """
        chips = [_chip(picture, landmarks_68, scale) for scale in SCALES]
        both = np.stack(chips + [chip[:, ::-1] for chip in chips])[:, None]
        read = self._net.run({"input": np.ascontiguousarray(both)})[0].mean(axis=0)
        return combined(read.astype(np.float64)[list(FROM_NET)], face_shape(landmarks_68))


def combined(net_scores: NDArray[np.float64], shape: FaceShape) -> Expression:
    """What the network read, corrected by the shape of brows and mouth.

    logit(label) = ln(score + 0.01) + w_brows x brows_raised + w_mouth x mouth_wide, then a softmax. The
    network takes open mouths for anger; raised brows tell surprise from it (action units 1 and 2 of the
    Facial Action Coding System against 4), a wide mouth a smile (action unit 12).

    Args:
        net_scores: (7,) in the order of `EXPRESSIONS`.
        shape: of the same face.
    """
    logits = np.log(net_scores + FLOOR) + EVIDENCE @ np.array([shape.brows_raised, shape.mouth_wide])
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    return Expression(
        label=EXPRESSIONS[int(shares.argmax())],
        scores=tuple(float(share) for share in shares),
    )


def _chip(picture: Pixels, landmarks_68: Floats, scale: float) -> Floats:
    eyes = landmarks_68[[36, 39, 42, 45]].reshape(2, 2, 2).mean(axis=1)
    mouth = landmarks_68[[48, 54]].mean(axis=0, keepdims=True)
    target = ((CHIP_POINTS - 0.5) * scale + 0.5) * CHIP_SIDE_PX
    to_picture = inverse_of(similarity_between(np.concatenate([eyes, mouth]), target))
    chip = grey(cut_chip(picture, to_picture, CHIP_SIDE_PX)).astype(np.float32)
    return np.asarray((chip / 255 - 0.5) * 2, dtype=np.float32)
