"""Samples: the little that MEASURE keeps of one observed face."""

import msgspec

from processors.measure_options import MeasureOptions
from schemas.events import EXPRESSIONS, FaceObservations, FaceObserved, Pose

AWAY, NEAR, TOWARDS = 0, 1, 2
"""Gaze classes: outside the leaving limit, between the limits, inside the entering limit."""

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
    """Reduce an observed face to a sample.

    Args:
        face: the face.
        frame: the event it came with (time, size of the picture, stand).
        options: the thresholds.

    Returns:
        The sample at the frame's time.
    """
    index, valence = _expression(face, options)
    stand = options.stand(frame.stand_id)
    return Sample(
        frame.t_us,
        gaze_class(face.pose, frame.stand_id, options),
        face.eyes_open is False and options.looking == "hysteresis",
        stand.zone is None or in_zone(_middle(face, frame), stand.zone),
        face.box_px[3],
        index,
        valence,
        face.age_years,
        face.female_probability,
        face.member_id,
    )


def gaze_class(pose: Pose | None, stand_id: str, options: MeasureOptions) -> int:
    """How far the head is turned away from the screen, as one of three classes.

    Args:
        pose: head pose, degrees; None when unknown.
        stand_id: the stand whose screen is meant.
        options: limits and bearings.

    Returns:
        `TOWARDS`, `NEAR` or `AWAY`; an unknown pose is `AWAY`.
    """
    if pose is None:
        return AWAY
    stand = options.stand(stand_id)
    off_deg = abs(pose.yaw_deg - stand.bearing_yaw_deg), abs(pose.pitch_deg - stand.bearing_pitch_deg)
    if options.looking == "intel":
        return TOWARDS if _within(off_deg, options.intel_deg) else AWAY
    if _within(off_deg, options.enter_deg):
        return TOWARDS
    return NEAR if _within(off_deg, options.leave_deg) else AWAY


def in_zone(point: tuple[float, float], zone: tuple[tuple[float, float], ...]) -> bool:
    """Whether a point lies in a zone (even-odd rule; a rectangle includes its border).

    Args:
        point: (x, y), fractions of the picture.
        zone: two opposite corners of a rectangle, or the corners of a polygon in order.

    Returns:
        True when inside.
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


def _within(off_deg: tuple[float, float], limit_deg: float) -> bool:
    return off_deg[0] <= limit_deg and off_deg[1] <= limit_deg


def _middle(face: FaceObserved, frame: FaceObservations) -> tuple[float, float]:
    left, top, width, height = face.box_px
    return (left + width / 2) / max(1, frame.width_px), (top + height / 2) / max(1, frame.height_px)


def _expression(face: FaceObserved, options: MeasureOptions) -> tuple[int | None, float | None]:
    scores, pose = face.expression_scores, face.pose
    if scores is None or pose is None or len(scores) != len(EXPRESSIONS):
        return None, None
    limit_deg = options.expression_angle_deg
    turned = not _within((abs(pose.yaw_deg), abs(pose.pitch_deg)), limit_deg)
    if turned or min(face.box_px[2], face.box_px[3]) < options.expression_face_px:
        return None, None
    valence = sum(weight * score for weight, score in zip(_WEIGHTS, scores, strict=True))
    return scores.index(max(scores)), min(1.0, max(-1.0, valence))
