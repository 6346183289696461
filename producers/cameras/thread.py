"""The thread that drives the capture state machine of one camera and fills its buffer."""

import threading
import zlib
from collections.abc import Callable

import msgspec

from producers.cameras.buffer import BufferCounts, FrameBuffer
from producers.cameras.event_time import LiveClock, Reading, WallClock
from producers.cameras.grabs import BadPicture, Camera, CameraLostError, EndOfSource, Grab
from producers.cameras.pacing import Pacer
from producers.cameras.sources import SourceSpec
from producers.cameras.state import (
    CaptureEvent,
    CapturePhase,
    CaptureState,
    Ended,
    Lost,
    Opened,
    PictureBroken,
    PictureCame,
    Started,
    WaitOver,
    is_frozen,
    stands_still,
    step,
)
from producers.options import CaptureOptions, Pace
from schemas.clocks import Clocks
from schemas.frames import Frame

_FINGERPRINT_STEP_PX = 8


class CameraPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Which source is which camera of which stand."""

    stand_id: str
    camera_id: str
    spec: SourceSpec
    pace: Pace = "fast"
    skip_frames: int = 0
    """So many first frames of a recording were delivered by an earlier process: they are passed over."""
    first_index: int = 0
    """Number of the first frame of a live camera: above all that earlier processes gave."""
    after_us: int | None = None
    """The last event time that an earlier process gave a frame of this live camera, us UTC."""


class CaptureStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How one camera is doing, for health, logs and the summary."""

    stand_id: str
    camera_id: str
    source: str
    phase: CapturePhase
    frozen: bool
    problem: str | None
    silent_s: float | None
    """Time since the last picture, s; None before the first."""
    opened: int
    reopened: int
    lost: int
    frames: int
    undecodable: int
    by_cause: dict[str, int]
    """Losses and broken pictures, and by `clock_ahead` and `clock_back` how often its time jumped."""
    buffer: BufferCounts


class CaptureThread:
    """Captures one camera until its recording ends or `stop` is called; closes the buffer at the end.

    Args:
        plan: which camera.
        open_source: opens it.
        buffer: takes its frames.
        options: of all cameras.
        clocks: of this machine.
        wall: its wall clock, one for all cameras that are compared; None: one of its own.
    """

    def __init__(
        self,
        plan: CameraPlan,
        open_source: Callable[[SourceSpec], Camera],
        *,
        buffer: FrameBuffer,
        options: CaptureOptions,
        clocks: Clocks,
        wall: WallClock | None = None,
    ) -> None:
        self._plan = plan
        self._open_source = open_source
        self._buffer = buffer
        self._options = options
        self._clocks = clocks
        self._camera: Camera | None = None
        self._wall = wall or WallClock(clocks)
        self._live_clock = LiveClock(plan.after_us)
        self._pacer = Pacer(plan.pace, monotonic_s=clocks.monotonic_s)
        self._state = CaptureState(is_recording=plan.spec.is_recording)
        self._stop = threading.Event()
        self._failure: Exception | None = None
        # A daemon: a camera hanging in its driver must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=f"capture-{plan.camera_id}", daemon=True)

    def start(self) -> None:
        """Begin to capture."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; wakes it from back-off, pacing and a full buffer."""
        self._stop.set()
        self._buffer.close()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread.

        Returns:
            False if it is still inside a driver's call; the process may end all the same.

        Raises:
            Exception: whatever the thread died of and did not expect.
        """
        if self._thread.ident is None:  # never started
            return True
        self._thread.join(timeout_s)
        if self._failure is not None:
            raise self._failure
        return not self._thread.is_alive()

    def status(self) -> CaptureStatus:
        """How the camera is doing now; may be asked from any thread."""
        state, now_s = self._state, self._clocks.monotonic_s()
        silent_s = None if state.last_picture_s is None else now_s - state.last_picture_s
        jumps = self._live_clock.jumps.copy()
        by_cause = {**state.by_cause, **{f"clock_{direction}": count for direction, count in jumps.items()}}
        return CaptureStatus(
            stand_id=self._plan.stand_id,
            camera_id=self._plan.camera_id,
            source=self._plan.spec.shown,
            phase=state.phase,
            frozen=is_frozen(state, now_s, self._options),
            problem=state.problem,
            silent_s=silent_s,
            opened=state.opened,
            reopened=state.reopened,
            lost=state.lost,
            frames=state.frames,
            undecodable=by_cause.get("undecodable", 0),
            by_cause=by_cause,
            buffer=self._buffer.counts,
        )

    def _run(self) -> None:
        try:
            self._take_in(Started())
            while self._state.phase != "ended":
                self._take_in(Ended() if self._stop.is_set() else self._next_event())
        except Exception as error:  # noqa: BLE001 - the roof of this thread: `join` raises it again
            self._failure = error
        finally:
            self._close_camera()
            self._buffer.close()

    def _take_in(self, event: CaptureEvent) -> None:
        self._state = step(self._state, event, options=self._options)
        if self._state.phase != "streaming":
            self._close_camera()

    def _next_event(self) -> CaptureEvent:
        try:
            if self._state.phase == "opening":
                self._camera = self._open_source(self._plan.spec)
                return Opened(at_s=self._clocks.monotonic_s())
            return self._wait() if self._camera is None else self._read(self._camera)
        except CameraLostError as error:
            return self._lost(error.cause, str(error))

    def _wait(self) -> CaptureEvent:
        retry_s = self._state.retry_s or 0.0
        stopped = self._stop.wait(max(0.0, retry_s - self._clocks.monotonic_s()))
        return Ended() if stopped else WaitOver()

    def _read(self, camera: Camera) -> CaptureEvent:
        now_s = self._clocks.monotonic_s()
        if stands_still(self._state, now_s, self._options):
            return self._lost("frozen", f"{self._plan.spec.shown} repeats one picture.")
        grab = camera.read()
        if isinstance(grab, BadPicture):
            return PictureBroken(detail=f"{grab.name}: {grab.detail}")
        if isinstance(grab, EndOfSource):
            return Ended(missing_frames=grab.missing_frames)
        return self._deliver(grab)

    def _deliver(self, grab: Grab) -> CaptureEvent:
        if self._state.frames < self._plan.skip_frames:
            return PictureCame(at_s=self._clocks.monotonic_s(), fingerprint=0)
        if grab.position_us is not None and self._stop.wait(self._pacer.wait_s(grab.position_us)):
            return Ended()
        captured_s = self._clocks.monotonic_s()
        reading = None if grab.position_us is not None else self._wall.read()
        self._buffer.put(
            Frame(
                stand_id=self._plan.stand_id,
                camera_id=self._plan.camera_id,
                frame_index=self._plan.first_index + self._state.frames,
                t_us=self._event_time_us(grab, reading),
                picture=grab.picture,
                captured_monotonic_s=captured_s,
                setting=0 if reading is None else reading.setting,
            )
        )
        return PictureCame(at_s=captured_s, fingerprint=self._fingerprint(grab))

    def _event_time_us(self, grab: Grab, reading: Reading | None) -> int:
        if reading is not None:
            return self._live_clock.stamp_us(reading)
        return self._options.start_us + (grab.position_us or 0)

    def _fingerprint(self, grab: Grab) -> int:
        if self._plan.spec.is_recording:
            return 0
        sparse = grab.picture[::_FINGERPRINT_STEP_PX, ::_FINGERPRINT_STEP_PX]
        return zlib.crc32(sparse.tobytes())

    def _lost(self, cause: str, detail: str) -> Lost:
        at_s, jitter = self._clocks.monotonic_s(), self._clocks.jitter()
        return Lost(at_s=at_s, cause=cause, detail=detail, jitter=jitter)

    def _close_camera(self) -> None:
        if self._camera is not None:
            self._camera.close()
            self._camera = None
