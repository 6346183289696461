"""The merge of many buffers: recordings in one order, live cameras as they come, an end and a stop."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.cameras.buffer import FrameBuffer
from producers.cameras.merge import event_order, merge_frames
from schemas.frames import Frame

DEADLINE_S = 20.0


def frame(t_us: int, camera: str = "c", stand: str = "s") -> Frame:
    return Frame(
        stand_id=stand,
        camera_id=camera,
        frame_index=0,
        t_us=t_us,
        picture=np.zeros((1, 1, 3), np.uint8),
        captured_monotonic_s=0.0,
    )


def recording(capacity: int = 100) -> FrameBuffer:
    return FrameBuffer(capacity, "wait", max_bytes=10**6, is_recording=True)


def live(capacity: int = 100) -> FrameBuffer:
    return FrameBuffer(capacity, "drop_oldest", max_bytes=10**6)


def merged(buffers: Sequence[FrameBuffer]) -> list[tuple[int, str, str]]:
    return [event_order(each) for each in merge_frames(buffers, stop=threading.Event())]


def test_ties_go_by_stand_then_camera() -> None:
    left, right = recording(), recording()
    left.put(frame(5, "b", "s1"))
    right.put(frame(5, "a", "s1"))
    right.put(frame(5, "a", "s2"))
    left.close()
    right.close()
    assert merged([left, right]) == [(5, "s1", "a"), (5, "s1", "b"), (5, "s2", "a")]


def test_nothing_and_empty_end_at_once() -> None:
    empty = recording()
    empty.close()
    assert merged([]) == []
    assert merged([empty]) == []


times = st.lists(st.integers(0, 1000), max_size=40).map(sorted)


@settings(max_examples=25, deadline=None)
@given(lanes=st.lists(times, min_size=1, max_size=4), capacity=st.integers(1, 3))
def test_recordings_written_by_racing_threads_come_in_one_order(
    lanes: list[list[int]], capacity: int
) -> None:
    buffers = [recording(capacity) for _ in lanes]

    def write(number: int) -> None:
        for t_us in lanes[number]:
            buffers[number].put(frame(t_us, str(number)))
        buffers[number].close()

    with ThreadPoolExecutor(len(lanes)) as threads:
        for number in range(len(lanes)):
            threads.submit(write, number)
        out = merged(buffers)
    assert out == sorted((t_us, "s", str(number)) for number, lane in enumerate(lanes) for t_us in lane)


def test_a_recording_waits_for_the_next_frame_of_every_other() -> None:
    early, late = recording(), recording()
    late.put(frame(10, "late"))
    stream = merge_frames([early, late], stop=threading.Event())
    with ThreadPoolExecutor(1) as reader:
        first = reader.submit(next, stream)
        early.put(frame(3, "early"))
        early.close()
        late.close()
        assert first.result(DEADLINE_S).camera_id == "early"
    assert [each.camera_id for each in stream] == ["late"]


def test_a_live_frame_does_not_wait_for_a_recording() -> None:
    slow, camera = recording(), live()
    camera.put(frame(99, "live"))
    stream = merge_frames([slow, camera], stop=threading.Event())
    assert next(stream).camera_id == "live"


def test_stop_ends_a_waiting_merge_and_counts_what_is_left() -> None:
    stop, silent, full = threading.Event(), recording(), recording()
    full.put(frame(1))
    full.put(frame(2))
    with ThreadPoolExecutor(1) as reader:
        rest = reader.submit(lambda: list(merge_frames([silent, full], stop=stop)))
        stop.set()
        assert rest.result(DEADLINE_S) == []
    counts = full.counts
    assert (counts.captured, counts.delivered, counts.dropped_by_cause) == (2, 0, {"stopped": 2})


def test_stop_between_two_frames_loses_no_count() -> None:
    stop, lanes = threading.Event(), [live(), live(), recording()]
    for lane in lanes:
        for t_us in range(3):
            lane.put(frame(t_us))
    stream = merge_frames(lanes, stop=stop)
    seen = 1 if next(stream) else 0
    stop.set()
    seen += len(list(stream))
    assert sum(lane.counts.delivered for lane in lanes) == seen
    assert (
        sum(lane.counts.captured for lane in lanes) == seen + sum(lane.counts.dropped for lane in lanes) == 9
    )
