"""Finds faces: boxes and five points with a YuNet network."""

from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from processors.vision.pixels import planes, resized, strongest
from schemas.ports import Floats, Net, Pixels
from schemas.ranges import Positive, Share

STRIDES = (8, 16, 32)
"""Pixels per cell of the three output grids."""
CELL_MULTIPLE_PX = 32
LARGE_SHARE = 0.4
"""A face this large, as a share of the picture's shorter side, may be too large for the network's cells."""
TINY_SIDE_PX, TINY_ENLARGED = 96, 4
"""A picture of at most this side that shows no face is enlarged and looked at again: of 207 faces that fill
pictures of 48 px the network finds 162 as they are and 199 enlarged four times (FER2013)."""


class DetectionOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What counts as a face for the detector."""

    min_score: Share = 0.6
    """Weaker candidates are ignored, 0..1."""
    max_overlap: Share = 0.3
    """Of two candidates that overlap more (intersection over union) the weaker is dropped."""
    max_side_px: Annotated[int, msgspec.Meta(ge=64, le=100_000)] = 1280
    """Larger pictures are shrunk to this before the network sees them."""
    min_face_px: Positive = 12.0
    """Faces whose box is narrower in the picture are ignored."""


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """A face found in a picture.

    `box_px` is left, top, width, height; `points_px` is (5, 2) float32: right eye, left eye, nose, right
    and left mouth corner of the person; `score` in [0, 1].
    """

    box_px: tuple[float, float, float, float]
    points_px: Floats
    score: float


class FaceDetector:
    """Finds the faces of a picture with a YuNet network."""

    def __init__(self, net: Net, options: DetectionOptions) -> None:
        self._net = net
        self._options = options

    def detect(self, picture: Pixels) -> tuple[Detection, ...]:
        """All faces of a picture.

        Args:
            picture: (h, w, 3) uint8, BGR.

        Returns:
            Detections in pixels of the picture, the highest score first.
        """
        found = self._find(picture, self._first_side(picture))
        return found or self._look_again(picture)

    def detect_thoroughly(self, picture: Pixels) -> tuple[Detection, ...]:
        """All faces of a still: huge ones are also looked for beside smaller ones that were found.

        Args:
            picture: (h, w, 3) uint8, BGR.

        Returns:
            Detections in pixels of the picture, the highest score first; one face may be found twice.
        """
        found = (*self._find(picture, self._first_side(picture)), *self._look_again(picture))
        return tuple(sorted(found, key=lambda each: -each.score))

    def _first_side(self, picture: Pixels) -> int:
        return min(int(max(picture.shape[:2])), self._options.max_side_px)

    def _look_again(self, picture: Pixels) -> tuple[Detection, ...]:
        """A tiny picture from nearby; any other from further away, for faces that fill it.

        The network misses one in twenty faces that are as large as its whole picture.
        """
        longest = max(picture.shape[:2])
        if longest <= TINY_SIDE_PX:
            return self._find(picture, TINY_ENLARGED * longest)
        large_px = LARGE_SHARE * min(picture.shape[:2])
        again = self._find(picture, self._first_side(picture) // 2)
        return tuple(each for each in again if each.box_px[2] >= large_px)

    def _find(self, picture: Pixels, side_px: int) -> tuple[Detection, ...]:
        """Faces that the network sees when the longer side of the picture is brought to a length."""
        scale, seen = _scaled(picture, max(CELL_MULTIPLE_PX, side_px))
        candidates = self._candidates(seen)
        candidates[:, :14] /= scale
        candidates = candidates[candidates[:, 2] >= self._options.min_face_px]
        kept = strongest(candidates[:, :4], candidates[:, 14], self._options.max_overlap)
        return tuple(_detection(candidates[i]) for i in kept)

    def _candidates(self, picture: Pixels) -> Floats:
        """(n, 15) rows: box, ten coordinates of points, score; px of the shrunk picture."""
        pixels = planes(picture, multiple_px=CELL_MULTIPLE_PX)
        outputs = dict(zip(self._net.output_names, self._net.run({"input": pixels}), strict=True))
        width = pixels.shape[3]
        rows = [_decode(outputs, stride, width // stride, self._options.min_score) for stride in STRIDES]
        return np.concatenate(rows)


def _scaled(picture: Pixels, side_px: int) -> tuple[float, Pixels]:
    """Scale and the picture at that scale."""
    height, width = picture.shape[:2]
    scale = side_px / max(height, width)
    if scale == 1.0:
        return scale, picture
    return scale, resized(picture, max(1, round(width * scale)), max(1, round(height * scale)))


def _decode(outputs: dict[str, Floats], stride: int, columns: int, min_score: float) -> Floats:
    """The cells of one grid whose score is enough, as rows; source: YuNet 2023mar of the OpenCV zoo."""
    certain = outputs[f"cls_{stride}"].reshape(-1).clip(0, 1) * outputs[f"obj_{stride}"].reshape(-1).clip(
        0, 1
    )
    cells = np.flatnonzero(certain > min_score * min_score)
    corner = np.stack([cells % columns, cells // columns], axis=1)
    box = outputs[f"bbox_{stride}"][0, cells]
    size = np.exp(box[:, 2:]) * stride
    left_top = (corner + box[:, :2]) * stride - size / 2
    points = (outputs[f"kps_{stride}"][0, cells].reshape(-1, 5, 2) + corner[:, None]) * stride
    score = np.sqrt(certain[cells])[:, None]
    return np.concatenate([left_top, size, points.reshape(-1, 10), score], axis=1).astype(np.float32)


def _detection(row: NDArray[np.float32]) -> Detection:
    left, top, width, height = (float(value) for value in row[:4])
    return Detection(
        box_px=(left, top, width, height), points_px=row[4:14].reshape(5, 2).copy(), score=float(row[14])
    )
