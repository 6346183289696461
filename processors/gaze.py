"""Gaze: how far a head is turned away from the screen, as one of three classes."""

from processors.thresholds import MeasureOptions
from schemas.events import Pose

AWAY, NEAR, TOWARDS = 0, 1, 2
"""Gaze classes: outside the leaving limit, between the limits, inside the entering limit."""


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
        return TOWARDS if within(off_deg, options.intel_deg) else AWAY
    if within(off_deg, options.enter_deg):
        return TOWARDS
    return NEAR if within(off_deg, options.leave_deg) else AWAY


def within(off_deg: tuple[float, float], limit_deg: float) -> bool:
    """Whether both angles are at most a limit, degrees."""
    return off_deg[0] <= limit_deg and off_deg[1] <= limit_deg
