"""Fits a mesh of 468 points with depth to a face, and says where to look for it next."""

import math

import msgspec
import numpy as np

from processors.observe.perception.detection import Detection
from processors.vision.pixels import unit_rgb, warp
from schemas.ports import Floats, Net, Pixels

CROP_SIDE_PX = 192
POINTS = 468
REGION_MARGIN = 1.5
"""Side of the region over the longer side of the face's box (MediaPipe's face landmark graph)."""
BROW_TO_HAIR = 0.10
"""The detector's box begins this share of the mesh's height above the mesh, and ends with it on the other
sides (medians over 277 stills and five clips: top 0.10, left 0.01, right -0.02, bottom 0.00)."""
RIGHT_EYE_OUTER, LEFT_EYE_OUTER = 33, 263
"""Mesh points of the outer eye corners; right and left are the person's."""

FIVE_POINTS = np.array([(33, 133), (362, 263), (4, 4), (61, 61), (291, 291)])
"""Mesh points whose means are the detector's five points."""
MAX_DISAGREEMENT = 0.12
"""Mean distance of the five points in mesh and detection over the longer side of the box. Faces: up to 0.105
(309 in stills, 447 in clips); a hand, a back of a head or a half-hidden face whose mesh slipped onto a
neighbour: 0.15 to 0.22."""


class Region(msgspec.Struct, frozen=True, kw_only=True):
    """A rotated square of a picture: centre and side in px, angle in radians (clockwise as seen)."""

    x_px: float
    y_px: float
    side_px: float
    angle_rad: float


class Mesh(msgspec.Struct, frozen=True, kw_only=True):
    """A face's surface.

    `points_px` is (468, 2) float32 in pixels of the picture; `depth` is (468,) float32 in the same unit,
    growing away from the camera, 0 about the centre of the head; `presence` in [0, 1] says how sure it is
    that there is a face.
    """

    points_px: Floats
    depth: Floats
    presence: float


class MeshFitter:
    """Fits meshes with MediaPipe's face landmark network."""

    def __init__(self, net: Net) -> None:
        self._net = net

    def fit(self, picture: Pixels, region: Region) -> Mesh:
        """The mesh of the face in a region.

        Args:
            picture: (h, w, 3) uint8, BGR.
            region: where the face is.

        Returns:
            The mesh; look at its `presence` before trusting it.
        """
        affine = crop_to_picture(region, CROP_SIDE_PX)
        crop = unit_rgb(warp(picture, affine, CROP_SIDE_PX, CROP_SIDE_PX))
        points, presence = self._net.run({"input_1": crop})[:2]
        surface = points.reshape(POINTS, 3)
        return Mesh(
            points_px=surface[:, :2] @ affine[:, :2].T + affine[:, 2],
            depth=surface[:, 2] * np.float32(region.side_px / CROP_SIDE_PX),
            presence=_sigmoid(float(presence.reshape(-1)[0])),
        )


def crop_to_picture(region: Region, side_px: int) -> Floats:
    """The affine from a pixel of an upright square crop to a pixel of the picture.

    Returns:
        (2, 3) float32.
    """
    step = region.side_px / side_px
    c, s = math.cos(region.angle_rad) * step, math.sin(region.angle_rad) * step
    half = side_px / 2
    return np.array(
        [[c, -s, region.x_px - (c - s) * half], [s, c, region.y_px - (s + c) * half]], dtype=np.float32
    )


def region_from_detection(detection: Detection) -> Region:
    """Where to fit the mesh of a face that the detector found.

    Args:
        detection: its box gives centre and size, its eyes the angle.

    Returns:
        The region, 1.5 times the longer side of the box without the part above the brow.
    """
    left, top, width, height = detection.box_px
    across = detection.points_px[1] - detection.points_px[0]
    angle = math.atan2(float(across[1]), float(across[0]))
    face_height = height / (1 + BROW_TO_HAIR)
    lower = (height - face_height) / 2
    return Region(
        x_px=left + width / 2 - math.sin(angle) * lower,
        y_px=top + height / 2 + math.cos(angle) * lower,
        side_px=REGION_MARGIN * max(width, face_height),
        angle_rad=angle,
    )


def region_from_mesh(mesh: Mesh) -> Region:
    """Where to fit the mesh of the same face in the next picture.

    Returns:
        The upright bounding square of the mesh, turned with the eyes, times 1.5.
    """
    across = mesh.points_px[LEFT_EYE_OUTER] - mesh.points_px[RIGHT_EYE_OUTER]
    angle = math.atan2(float(across[1]), float(across[0]))
    c, s = math.cos(angle), math.sin(angle)
    turned = np.array([[c, s], [-s, c]], dtype=np.float32)
    (left, right), (top, bottom) = _extent(turned @ mesh.points_px.T)
    x, y = (left + right) / 2, (top + bottom) / 2
    side = REGION_MARGIN * max(right - left, bottom - top)
    return Region(x_px=c * x - s * y, y_px=s * x + c * y, side_px=side, angle_rad=angle)


def box_from_mesh(mesh: Mesh) -> tuple[float, float, float, float]:
    """The box of a face like the detector's, from its mesh.

    Returns:
        left, top, width, height, px.
    """
    (left, right), (top, bottom) = _extent(np.ascontiguousarray(mesh.points_px.T))
    width, height = right - left, bottom - top
    above = BROW_TO_HAIR * height
    return left, top - above, width, height + above


def disagreement(mesh: Mesh, detection: Detection) -> float:
    """How far the mesh lies from the points that the detector saw.

    Args:
        mesh: the mesh fitted to the detection.
        detection: the face as the detector saw it.

    Returns:
        Mean distance of the five points, as a share of the longer side of the detection's box.
    """
    steps = mesh.points_px[FIVE_POINTS].mean(axis=1) - detection.points_px
    return float(np.hypot(steps[:, 0], steps[:, 1]).mean()) / max(detection.box_px[2:])


def confirms(mesh: Mesh, detection: Detection, *, min_presence: float) -> bool:
    """Whether the mesh bears out that the detection is a face, and the same one.

    Args:
        mesh: the mesh fitted to the detection.
        detection: the face as the detector saw it.
        min_presence: the least `presence` of the mesh, 0..1.

    Returns:
        False for things that only look like a face from afar, and for a mesh that slipped onto a neighbour.
    """
    return mesh.presence >= min_presence and disagreement(mesh, detection) <= MAX_DISAGREEMENT


def _extent(rows: Floats) -> list[tuple[float, float]]:
    """Least and greatest of each row; rows of x and y are reduced much faster than pairs."""
    return [(float(row.min()), float(row.max())) for row in rows]


def _sigmoid(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, logit))))
