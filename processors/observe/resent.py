"""Frames that come again, and clocks that were set back: which is which."""

from processors.observe.observer import CameraState
from schemas.units import us_from_s

RESENT_S = 60.0
"""A frame older than the newest by less than this is sent again; by more, the camera's clock was set."""


def with_clock_set(camera: CameraState | None, t_us: int) -> CameraState | None:
    """A camera whose clock was set back begins anew; its tracks keep counting."""
    if camera is None or camera.last_us is None or t_us > camera.last_us - us_from_s(RESENT_S):
        return camera
    return CameraState(
        stand_id=camera.stand_id, camera_id=camera.camera_id, last_number=camera.last_number, cuts=camera.cuts
    )
