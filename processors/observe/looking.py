"""Looking, frame by frame: hysteresis of the head's direction, and eyes that stay closed end it."""

import msgspec

from processors.gaze import AWAY, TOWARDS, gaze_class
from processors.thresholds import MeasureOptions
from schemas.events import Pose
from schemas.units import us_from_s


class Gaze(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a face looks at the screen, and since when its eyes are closed."""

    facing: bool = False
    closed_since_us: int | None = None
    looking: bool = False


def next_gaze(
    gaze: Gaze, pose: Pose, eyes_open: bool | None, *, stand_id: str, t_us: int, options: MeasureOptions
) -> Gaze:
    """Where a face looks after one more frame; the same rule as the attention of MEASURE.

    Args:
        gaze: after the frame before; a new one for a still.
        pose: head pose, degrees.
        eyes_open: None when it cannot be told.
        stand_id: the stand whose screen is meant.
        t_us: event time of the frame.
        options: limits and bearings.

    Returns:
        The new value.
    """
    direction = gaze_class(pose, stand_id, options)
    facing = direction == TOWARDS or (gaze.facing and direction != AWAY)
    closed = eyes_open is False and options.looking == "hysteresis"
    since_us = (t_us if gaze.closed_since_us is None else gaze.closed_since_us) if closed else None
    blinking = since_us is None or t_us - since_us <= us_from_s(options.eyes_closed_s)
    return Gaze(facing=facing, closed_since_us=since_us, looking=facing and blinking)
