"""A frame on its way from a camera to perception: the only value with pixels."""

import msgspec

from schemas.ports import Pixels


class Frame(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One picture of one camera, stamped with event time."""

    stand_id: str
    camera_id: str
    frame_index: int
    t_us: int
    """Event time, microseconds UTC."""
    picture: Pixels
    """(height, width, 3) uint8, BGR."""
    captured_monotonic_s: float
    """When it was captured by this machine's monotonic clock; for latency only, never for a figure."""
    setting: int = 0
    """How often the wall clock had been set by then: times of different settings cannot be compared."""

    def __repr__(self) -> str:
        return f"Frame({self.stand_id}/{self.camera_id} #{self.frame_index} at {self.t_us} us)"
