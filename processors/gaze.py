"""Gaze: how far a head is turned away from the screen, and when that is looking."""

import sys

import msgspec

from processors.thresholds import MeasureOptions
from schemas.events import Pose
from schemas.units import us_from_s

AWAY, NEAR, TOWARDS = 0, 1, 2
"""Gaze classes: outside the leaving limit, between the limits, inside the entering limit."""


def gaze_class(pose: Pose | None, stand_id: str, options: MeasureOptions) -> int:
    """How far the head is turned away from the screen, as one of three classes.

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


def eyes_closed(eyes_open: bool | None, options: MeasureOptions) -> bool:
    """Whether eyes count as closed: not when it cannot be told, and never where the eye rule is off."""
    return eyes_open is False and options.looking == "hysteresis"


Facing = tuple[bool, int | None]
"""Whether a face is turned to the screen, and since when its eyes are closed without a break, us."""
UNSEEN: Facing = (False, None)
NEVER_US, ALWAYS_US = -sys.maxsize, sys.maxsize


class Gaze(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a face looks at the screen in a frame, and what decides it in the next."""

    facing: bool = False
    closed_since_us: int | None = None
    looking: bool = False


class Looking:
    """The rule of looking, for what OBSERVE shows of a frame and what MEASURE counts of a track.

    Source: docs/metrics.md, "From samples to states".
    """

    def __init__(self, options: MeasureOptions) -> None:
        self._options = options
        self._hold_us = us_from_s(options.max_gap_s)
        self._blink_us = us_from_s(options.eyes_closed_s)

    def after(self, before: Facing, gaze: int, *, closed_us: int | None, gap_us: int) -> Facing:
        """How a face is turned after one more sample of its track.

        Args:
            before: after the sample before; `UNSEEN` for the first.
            gaze: class of the head's direction.
            closed_us: time of the sample if it shows closed eyes, us; None: open, or it cannot be told.
            gap_us: time since the sample before, us; 0 for the first.

        Returns:
            Turned to the screen from the entering limit on until beyond the leaving one; a long gap forgets.
        """
        facing, since_us = UNSEEN if gap_us > self._hold_us else before
        facing = gaze == TOWARDS or (facing and gaze != AWAY)
        return facing, closed_us if closed_us is None or since_us is None else since_us

    def until_us(self, facing: Facing) -> int:
        """When a face ceases to look if nothing else changes, us: closed eyes end it after a blink."""
        turned, since_us = facing
        if not turned:
            return NEVER_US
        return ALWAYS_US if since_us is None else since_us + self._blink_us

    def next_gaze(
        self,
        before: Gaze,
        pose: Pose,
        eyes_open: bool | None,
        *,
        stand_id: str,
        t_us: int,
        gap_us: int = 0,
    ) -> Gaze:
        """Where a face looks in one more frame.

        Args:
            before: in the frame before; a new one for a still.
            pose: head pose, degrees.
            eyes_open: None when it cannot be told.
            stand_id: the stand whose screen is meant.
            t_us: event time of the frame, us.
            gap_us: time since the last frame with this face, us; 0 for the first.
        """
        facing = self.after(
            (before.facing, before.closed_since_us),
            gaze_class(pose, stand_id, self._options),
            closed_us=t_us if eyes_closed(eyes_open, self._options) else None,
            gap_us=gap_us,
        )
        return Gaze(facing=facing[0], closed_since_us=facing[1], looking=t_us < self.until_us(facing))
