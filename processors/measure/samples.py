"""Samples: the little that MEASURE keeps of one observed face."""

import msgspec

from processors.gaze import eyes_closed, gaze_class, within
from processors.thresholds import MeasureOptions
from schemas.events import EXPRESSIONS, FaceObservations, FaceObserved

VALENCE = {"happy": 1.0, "sad": -1.0, "angry": -1.0, "fear": -1.0, "disgust": -1.0}
"""Weight of an expression's score in the valence; neutral and surprise weigh nothing. Ours, versioned."""

_WEIGHTS = tuple(VALENCE.get(label, 0.0) for label in EXPRESSIONS)


class Sample(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One face at one instant, reduced to what the figures need."""

    t_us: int
    gaze: int
    eyes_closed: bool
    in_zone: bool
    height_px: float
    expression: int | None
    """Index into `EXPRESSIONS`; None outside the models' limits."""
    valence: float | None
    age_years: float | None
    female_probability: float | None
    member_id: str | None


def sample_of(face: FaceObserved, frame: FaceObservations, options: MeasureOptions) -> Sample:
    """Reduce an observed face to a sample at the time of the event that it came with."""
    index, valence = _expression(face, options)
    stand = options.stand(frame.stand_id)
    return Sample(
        frame.t_us,
        gaze_class(face.pose, frame.stand_id, options),
        eyes_closed(face.eyes_open, options),
        stand.zone is None or in_zone(_middle(face, frame), stand.zone),
        face.box_px[3],
        index,
        valence,
        face.age_years,
        face.female_probability,
        face.member_id,
    )


def in_zone(point: tuple[float, float], zone: tuple[tuple[float, float], ...]) -> bool:
    """Whether a point lies in a zone (even-odd rule; a rectangle includes its border).

    Args:
        point: (x, y), fractions of the picture.
        zone: two opposite corners of a rectangle, or the corners of a polygon in order.
    """
    x, y = point
    if len(zone) == 2:
        (x0, y0), (x1, y1) = zone
        return min(x0, x1) <= x <= max(x0, x1) and min(y0, y1) <= y <= max(y0, y1)
    edges = zip(zone, zone[1:] + zone[:1], strict=True)
    return sum(_crosses(point, edge) for edge in edges) % 2 == 1


def _crosses(point: tuple[float, float], edge: tuple[tuple[float, float], tuple[float, float]]) -> bool:
    (x, y), ((x0, y0), (x1, y1)) = point, edge
    return (y0 > y) != (y1 > y) and x < x0 + (x1 - x0) * (y - y0) / (y1 - y0)


def _middle(face: FaceObserved, frame: FaceObservations) -> tuple[float, float]:
    left, top, width, height = face.box_px
    return (left + width / 2) / max(1, frame.width_px), (top + height / 2) / max(1, frame.height_px)


def _expression(face: FaceObserved, options: MeasureOptions) -> tuple[int | None, float | None]:
    scores, pose = face.expression_scores, face.pose
    if scores is None or pose is None or len(scores) != len(EXPRESSIONS):
        return None, None
    limit_deg = options.expression_angle_deg
    turned = not within((abs(pose.yaw_deg), abs(pose.pitch_deg)), limit_deg)
    if turned or min(face.box_px[2], face.box_px[3]) < options.expression_face_px:
        return None, None
    valence = sum(weight * score for weight, score in zip(_WEIGHTS, scores, strict=True))
    return scores.index(max(scores)), min(1.0, max(-1.0, valence))
