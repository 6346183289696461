"""The local run: frames of all cameras through the topology in one process, until they end."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

import msgspec

from onlooker.cameras.lines import CameraLine, end_cameras, expected_frames
from onlooker.run.rates import Rates
from processors.runtime.local import LocalRuntime
from producers.cameras.merge import merge_frames
from producers.cameras.thread import CaptureStatus
from producers.playlist import PlayFeed
from schemas.events import FaceObservations, StreamEnded, VisitEnded, WindowClosed
from schemas.frames import Frame
from schemas.units import US_PER_S

LATENCIES_KEPT = 100_000
"""Quantiles are of the newest frames: a run of weeks must not fill the memory."""


class Tally:
    """Counts what passes through a run, and how long each frame took."""

    def __init__(self) -> None:
        self.observed = 0
        self.faces = 0
        self.visits = 0
        self.windows = 0
        self.latencies_us: deque[int] = deque(maxlen=LATENCIES_KEPT)

    def take(self, event: Any) -> None:
        """Count one event of any topic."""
        if isinstance(event, FaceObservations):
            self.observed += 1
            self.faces += len(event.faces)
        elif isinstance(event, VisitEnded) and event.visit.version == 1:
            self.visits += 1
        elif isinstance(event, WindowClosed) and event.version == 1:
            self.windows += 1

    def latency(self, quantile: float) -> int | None:
        """A quantile of the time from capture to everything that followed from the frame, us."""
        if not self.latencies_us:
            return None
        ordered = sorted(self.latencies_us)
        return ordered[min(len(ordered) - 1, int(quantile * len(ordered)))]


class LocalRun:
    """Drives cameras through a runtime; whoever builds it hands everything over."""

    def __init__(
        self,
        lines: Sequence[CameraLine],
        feeds: Mapping[str, PlayFeed],
        runtime: LocalRuntime,
        tally: Tally,
        *,
        stop: threading.Event,
        duration_s: float | None,
    ) -> None:
        self._lines = lines
        self._feeds = feeds
        self._runtime = runtime
        self._tally = tally
        self._stop = stop
        self._duration_s = duration_s
        self._live = {(line.stand_id, line.camera_id) for line in lines if not line.is_recording}
        self._first_us: dict[str, int] = {}
        self.last_us: dict[str, int] = {}
        """Event time of the newest frame by stand, us UTC."""
        self.rates = Rates()
        self._first_s: dict[str, float] = {}
        self.seconds = 0.0

    @property
    def expected_frames(self) -> int | None:
        """How many frames there will be, for a progress bar; None when nobody can know."""
        return None if self._duration_s is not None else expected_frames(self._lines)

    def run(self, after_frame: Callable[[int], None]) -> None:
        """Run until every source has ended, the duration is over or `stop` is set.

        Args:
            after_frame: called with 1 after each frame.
        """
        for line in self._lines:
            line.capture.start()
        timer = self._wall_limit()
        started = time.perf_counter()
        try:
            buffers = [line.buffer for line in self._lines]
            with closing(merge_frames(buffers, stop=self._stop)) as frames:
                for frame in frames:
                    if self._is_over(frame):
                        break
                    self._take(frame)
                    after_frame(1)
        finally:
            self.seconds = time.perf_counter() - started
            if timer is not None:
                timer.cancel()
            end_cameras(self._lines)
        for stand_id in sorted(self._first_us):
            self._runtime.publish("observations", stand_id, StreamEnded(stand_id=stand_id))

    def _take(self, frame: Frame) -> None:
        """The plays that have begun, then the frame with all that follows from it."""
        for play in self._feeds[frame.stand_id].until(frame.t_us, frame.setting):
            self._runtime.publish("plays", frame.stand_id, play)
        self._runtime.publish("frames", frame.stand_id, frame)
        self.rates.take(frame)
        self.last_us[frame.stand_id] = max(frame.t_us, self.last_us.get(frame.stand_id, frame.t_us))
        latency_s = time.monotonic() - frame.captured_monotonic_s
        self._tally.latencies_us.append(round(latency_s * US_PER_S))

    def _is_over(self, frame: Frame) -> bool:
        seen_s = (frame.t_us - self._first_us.setdefault(frame.stand_id, frame.t_us)) / US_PER_S
        if (frame.stand_id, frame.camera_id) in self._live:
            # Its event time jumps when the wall clock is set.
            now_s = frame.captured_monotonic_s
            seen_s = now_s - self._first_s.setdefault(frame.stand_id, now_s)
        return self._duration_s is not None and seen_s >= self._duration_s

    def _wall_limit(self) -> threading.Timer | None:
        """Live cameras that give nothing must not outlast the duration either."""
        if self._duration_s is None or all(line.is_recording for line in self._lines):
            return None
        timer = threading.Timer(self._duration_s, self._stop.set)
        timer.daemon = True
        timer.start()
        return timer

    def ignored(self) -> dict[str, int]:
        """Events that MEASURE took no notice of, by cause, over all stands."""
        total: Counter[str] = Counter()
        for stand_id in self._first_us:
            total.update(msgspec.structs.asdict(self._runtime.state("measure", stand_id).ignored))
        return dict(total)

    def statuses(self) -> list[CaptureStatus]:
        """How each camera did."""
        return [line.capture.status() for line in self._lines]
