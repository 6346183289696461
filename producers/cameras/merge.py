"""Many buffers into one stream: recordings in the order of event time, live cameras as they come."""

import threading
from collections.abc import Callable, Generator, Sequence

from producers.cameras.buffer import FrameBuffer
from schemas.frames import Frame

_STOP_POLL_S = 0.2


def merge_frames(
    buffers: Sequence[FrameBuffer], *, stop: threading.Event, idle: Callable[[], None] | None = None
) -> Generator[Frame, None, None]:
    """The frames of all buffers as one stream.

    Recordings are merged by (event time, stand, camera), which waits for the next frame of every recording
    that is still open, but not of one that is asleep: the order is the same in every run. Frames of live
    cameras are delivered as they arrive, in turn. What is left in the buffers after `stop` is counted there
    as dropped.

    Args:
        buffers: one for each camera; nobody else reads them.
        stop: ends the stream at once when set.
        idle: called now and then while no frame comes.

    Returns:
        An iterator that ends when all buffers have ended, or on `stop`.
    """
    lanes = [_Lane(buffer) for buffer in buffers]
    arrived = threading.Event()
    for buffer in buffers:
        buffer.watch(arrived.set)
    try:
        while not stop.is_set():
            arrived.clear()
            due = _due(lanes)
            if not due and all(lane.ended for lane in lanes):
                return
            if not due:
                arrived.wait(_STOP_POLL_S)
                if idle is not None:
                    idle()
            for lane in due:
                yield lane.pop()
    finally:
        for lane in lanes:
            lane.abandon()


def event_order(frame: Frame) -> tuple[int, str, str]:
    """What recordings are merged by: event time, stand, camera."""
    return (frame.t_us, frame.stand_id, frame.camera_id)


class _Lane:
    """One buffer with its next frame already taken out, if there is one."""

    def __init__(self, buffer: FrameBuffer) -> None:
        self.is_recording = buffer.is_recording
        self.ended = False
        self._buffer = buffer
        self.head: Frame | None = None

    @property
    def is_asleep(self) -> bool:
        """Whether nobody waits for its next frame."""
        return self._buffer.is_asleep

    def look(self) -> None:
        """Take the next frame out if it is there, or notice the end."""
        if self.head is None and not self.ended:
            # `ended` is asked first: a frame put in between the two questions is found next time.
            ended = self._buffer.ended
            self.head = self._buffer.get(timeout_s=0)
            self.ended = ended and self.head is None

    def pop(self) -> Frame:
        """The frame that was taken out; there must be one."""
        frame, self.head = self.head, None
        if frame is None:
            raise LookupError("the lane has no frame")
        return frame

    def abandon(self) -> None:
        """Account for what will not be delivered."""
        if self.head is not None:
            self._buffer.put_back(self.pop())
        self._buffer.discard()


def _due(lanes: Sequence[_Lane]) -> list[_Lane]:
    """The lanes whose next frame may be delivered now: every live one, and the earliest recording."""
    for lane in lanes:
        lane.look()
    due = [lane for lane in lanes if lane.head is not None and not lane.is_recording]
    recordings = [lane for lane in lanes if lane.is_recording and not lane.ended and not lane.is_asleep]
    heads = [
        (event_order(lane.head), number) for number, lane in enumerate(recordings) if lane.head is not None
    ]
    if heads and len(heads) == len(recordings):
        due.append(recordings[min(heads)[1]])
    return due
