"""The pace of recordings: at their own speed, or as fast as what comes after them can take."""

from collections.abc import Callable

from producers.options import DropPolicy, Pace
from schemas.units import US_PER_S


def policy_at(pace: Pace, *, is_recording: bool, policy: DropPolicy) -> DropPolicy:
    """The drop policy of a source, which can be held up if it is a recording.

    Returns:
        `wait` for a recording at full speed, so that nothing is dropped; else the configured one.
    """
    return "wait" if is_recording and pace == "fast" else policy


class Pacer:
    """Tells how long to wait before a frame of a recording is due; a late frame is due at once."""

    def __init__(self, pace: Pace, *, monotonic_s: Callable[[], float]) -> None:
        self._pace = pace
        self._monotonic_s = monotonic_s
        self._zero_s: float | None = None

    def wait_s(self, position_us: int) -> float:
        """How long to wait for a frame by its place in the recording.

        Returns:
            Seconds until it is due, counted from the first frame asked for; 0 at pace `fast`.
        """
        if self._pace == "fast":
            return 0.0
        now_s, position_s = self._monotonic_s(), position_us / US_PER_S
        if self._zero_s is None:
            self._zero_s = now_s - position_s
        return max(0.0, self._zero_s + position_s - now_s)
