"""A frame as it travels from a camera to OBSERVE: where it is from, when it was seen, its picture."""

import msgspec

from schemas.ports import Pixels


class Frame(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One picture of one camera; two frames are the same only if they are the same object."""

    stand_id: str
    camera_id: str
    frame_index: int
    """Running number of the camera's frames, from 0, going on over reopenings."""
    t_us: int
    """Event time, us UTC: position in a recording or the wall clock at the grab."""
    picture: Pixels
    """(height, width, 3) uint8, BGR."""
    captured_monotonic_s: float
    """Monotonic clock at the capture, s; for measuring latency only, never part of a result."""

    @property
    def size_bytes(self) -> int:
        """Memory of the picture, bytes."""
        return self.picture.nbytes

    @property
    def order(self) -> tuple[int, str, str]:
        """What a merge sorts by: event time, stand, camera."""
        return (self.t_us, self.stand_id, self.camera_id)
