"""The bounded buffer between a camera and what comes after it: every frame is delivered or counted."""

import threading
from collections import deque
from collections.abc import Callable

import msgspec

from producers.options import DropPolicy
from schemas.frames import Frame


class BufferCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the frames; `captured = delivered + dropped + inside` at any moment."""

    captured: int
    delivered: int
    inside: int
    inside_bytes: int
    dropped_by_cause: dict[str, int]
    """Causes: `drop_oldest`, `drop_newest`, `too_large` (larger than the whole buffer), `closed`,
    `stopped` (still inside when the reader gave up)."""

    @property
    def dropped(self) -> int:
        """Frames dropped for any cause."""
        return sum(self.dropped_by_cause.values())


class FrameBuffer:
    """Frames in the order they came, bounded in number and bytes; safe for several writers and readers.

    Policies of a full buffer: `wait` holds the writer up, `drop_oldest` makes room, `drop_newest` refuses.
    """

    def __init__(
        self, capacity: int, policy: DropPolicy, *, max_bytes: int, is_recording: bool = False
    ) -> None:
        self.is_recording = is_recording
        """Frames of recordings are merged in the order of event time."""
        self.is_asleep = False
        """Its camera is not opened: another process has it, and nobody waits for its next frame."""
        self._capacity = capacity
        self._policy = policy
        self._max_bytes = max_bytes
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._captured = 0
        self._delivered = 0
        self._dropped: dict[str, int] = {}
        self._closed = False
        self._changed = threading.Condition()
        self._watchers: list[Callable[[], None]] = []

    def put(self, frame: Frame) -> bool:
        """Offer the camera's newest frame; False: it was dropped and counted."""
        with self._changed:
            cause = self._make_room(frame)
            self._captured += 1
            if cause is not None:
                self._drop(cause)
                return False
            self._frames.append(frame)
            self._bytes += frame.picture.nbytes
            self._changed.notify_all()
        self._tell_watchers()
        return True

    def get(self, timeout_s: float | None = None) -> Frame | None:
        """Take the oldest frame.

        Args:
            timeout_s: how long to wait for one, s; None waits until there is one or the buffer is closed.

        Returns:
            The frame; None if none came in time or none will come any more (see `ended`).
        """
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._closed, timeout_s)
            if not self._frames:
                return None
            self._delivered += 1
            frame = self._take()
            self._changed.notify_all()
            return frame

    def close(self) -> None:
        """Take no more frames and wake both sides; what is inside can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._tell_watchers()

    def put_back(self, frame: Frame) -> None:
        """Undo a `get`: the frame is the next one again, even if the buffer has filled up meanwhile."""
        with self._changed:
            self._delivered -= 1
            self._frames.appendleft(frame)
            self._bytes += frame.picture.nbytes
            self._changed.notify_all()

    def discard(self) -> None:
        """Close, and count what is still inside as dropped with the cause `stopped`."""
        self.close()
        with self._changed:
            while self._frames:
                self._take()
                self._drop("stopped")

    @property
    def ended(self) -> bool:
        """True when the buffer is closed and empty: no frame will come any more."""
        with self._changed:
            return self._closed and not self._frames

    @property
    def counts(self) -> BufferCounts:
        """What became of the frames so far, all read at one moment."""
        with self._changed:
            return BufferCounts(
                captured=self._captured,
                delivered=self._delivered,
                inside=len(self._frames),
                inside_bytes=self._bytes,
                dropped_by_cause=dict(self._dropped),
            )

    def watch(self, watcher: Callable[[], None]) -> None:
        """Have a function called after every frame taken in and after closing; it must not block."""
        with self._changed:
            self._watchers.append(watcher)

    def _make_room(self, frame: Frame) -> str | None:
        """Apply the policy; returns the cause if the frame cannot be taken."""
        if frame.picture.nbytes > self._max_bytes:
            return "too_large"
        if self._policy == "wait":
            self._changed.wait_for(lambda: self._closed or self._fits(frame))
        while self._policy == "drop_oldest" and not self._closed and not self._fits(frame):
            self._take()
            self._drop("drop_oldest")
        if self._closed:
            return "closed"
        return None if self._fits(frame) else "drop_newest"

    def _fits(self, frame: Frame) -> bool:
        return len(self._frames) < self._capacity and self._bytes + frame.picture.nbytes <= self._max_bytes

    def _take(self) -> Frame:
        frame = self._frames.popleft()
        self._bytes -= frame.picture.nbytes
        return frame

    def _drop(self, cause: str) -> None:
        self._dropped[cause] = self._dropped.get(cause, 0) + 1

    def _tell_watchers(self) -> None:
        for watcher in tuple(self._watchers):
            watcher()
