"""Figures of a capture: what became of every frame, counted for its summary and told as metrics."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from math import nan

from onlooker.cameras.lines import CameraLine
from producers.cameras.event_time import DIRECTIONS
from producers.cameras.thread import CaptureStatus
from producers.publish.publishing import Publisher
from schemas.metrics import Meter
from schemas.topics import Topic

CameraKey = tuple[str, str]
"""Stand and camera."""


class CaptureTally:
    """Counts what passes through a capture; `captured = published + dropped` once it has ended."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.published: Counter[CameraKey] = Counter()
        self.dropped: defaultdict[CameraKey, Counter[str]] = defaultdict(Counter)
        """Frames that left their buffer and did not arrive, by cause."""
        self.plays = 0
        self.plays_repeated = 0
        self.plays_refused = 0
        self.bytes = 0
        self.ended: list[str] = []
        self._told_retries = 0
        self._told_captured: Counter[CameraKey] = Counter()
        self._told_jumps: Counter[tuple[str, str, str]] = Counter()
        self._told_dropped: Counter[tuple[str, str, str]] = Counter()

    def frame_published(self, camera: CameraKey, latency_s: float) -> None:
        """A frame was acknowledged, so long after its capture."""
        self.published[camera] += 1
        self._meter.observe("latency_seconds", latency_s, topic="frames")

    def frame_dropped(self, camera: CameraKey, cause: str) -> None:
        """A frame left its buffer and will not arrive."""
        self.dropped[camera][cause] += 1

    def message_published(self, topic: Topic, size_bytes: int) -> None:
        """A message was acknowledged."""
        self.bytes += size_bytes
        self._meter.count("messages_published", topic=topic)
        self._meter.count("bytes_published", size_bytes, topic=topic)

    def tell_owned(self, stand_id: str, camera_id: str, *, owned: bool) -> None:
        """Whether a camera, or without one the stand's plays and its end, are ours to send."""
        self._meter.gauge("owned", float(owned), stand_id=stand_id, camera_id=camera_id)

    def drops_of(self, status: CaptureStatus) -> dict[str, int]:
        """Frames of a camera that did not arrive, by cause, wherever they were lost."""
        camera = (status.stand_id, status.camera_id)
        return dict(Counter(status.buffer.dropped_by_cause) + self.dropped[camera])

    def tell(self, lines: Sequence[CameraLine], publisher: Publisher) -> None:
        """Bring the metrics up to date."""
        self._meter.gauge("bytes_in_flight", publisher.bytes_in_flight)
        if publisher.retries > self._told_retries:
            self._meter.count("retries", publisher.retries - self._told_retries, dependency="kafka")
            self._told_retries = publisher.retries
        for line in lines:
            status = line.capture.status()
            camera = (line.stand_id, line.camera_id)
            labels = {"stand_id": line.stand_id, "camera_id": line.camera_id}
            streaming = float(status.phase == "streaming" and not status.frozen)
            # One that another process has is no camera that is lost.
            self._meter.gauge("camera_streaming", nan if line.buffer.is_asleep else streaming, **labels)
            captured = status.buffer.captured - self._told_captured[camera]
            if captured:
                self._told_captured[camera] += captured
                self._meter.count("frames_captured", captured, **labels)
            for direction in DIRECTIONS:
                self._tell_jumps((*camera, direction), status.by_cause.get(f"clock_{direction}", 0))
            for cause, count in self.drops_of(status).items():
                self._tell_dropped((*camera, cause), count)

    def _tell_jumps(self, key: tuple[str, str, str], count: int) -> None:
        more = count - self._told_jumps[key]
        if more:
            self._told_jumps[key] = count
            stand_id, camera_id, direction = key
            labels = {"stand_id": stand_id, "camera_id": camera_id, "direction": direction}
            self._meter.count("clock_jumps", more, **labels)

    def _tell_dropped(self, key: tuple[str, str, str], count: int) -> None:
        more = count - self._told_dropped[key]
        if more:
            self._told_dropped[key] = count
            stand_id, camera_id, cause = key
            self._meter.count("frames_dropped", more, stand_id=stand_id, camera_id=camera_id, cause=cause)
