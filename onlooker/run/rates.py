"""How many frames a second the cameras of a run gave, by event time."""

from collections import deque
from statistics import median

from schemas.frames import Frame
from schemas.units import US_PER_S

GAPS_KEPT = 1_000
"""The rate is that of so many newest frames: a pause in the middle says nothing about it."""


class Rates:
    """Watches the time between the frames of each camera."""

    def __init__(self) -> None:
        self._newest_us: dict[tuple[str, str], int] = {}
        self._gaps_us: dict[tuple[str, str], deque[int]] = {}

    def take(self, frame: Frame) -> None:
        """Take note of a frame."""
        camera = (frame.stand_id, frame.camera_id)
        before_us = self._newest_us.get(camera)
        self._newest_us[camera] = frame.t_us
        if before_us is not None and frame.t_us > before_us:
            self._gaps_us.setdefault(camera, deque(maxlen=GAPS_KEPT)).append(frame.t_us - before_us)

    @property
    def slowest(self) -> dict[str, float]:
        """The rate of each stand's slowest camera, frames/s; a camera with less than two frames has none."""
        found: dict[str, float] = {}
        for (stand_id, _), gaps_us in self._gaps_us.items():
            fps = round(US_PER_S / median(gaps_us), 3)
            found[stand_id] = min(fps, found.get(stand_id, fps))
        return found
