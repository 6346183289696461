"""The bounded buffer: policies, bounds in frames and bytes, wake-ups, and nothing lost silently."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.cameras.buffer import FrameBuffer
from producers.options import DropPolicy
from schemas.frames import Frame

DEADLINE_S = 20.0
POLICIES: tuple[DropPolicy, ...] = ("wait", "drop_oldest", "drop_newest")


def frame(index: int, *, side_px: int = 2, camera: str = "c") -> Frame:
    return Frame(
        stand_id="s",
        camera_id=camera,
        frame_index=index,
        t_us=index,
        picture=np.zeros((side_px, side_px, 3), np.uint8),
        captured_monotonic_s=0.0,
    )


def drained(buffer: FrameBuffer) -> list[int]:
    taken = []
    while (each := buffer.get(timeout_s=0)) is not None:
        taken.append(each.frame_index)
    return taken


def test_drop_oldest_keeps_the_newest() -> None:
    buffer = FrameBuffer(2, "drop_oldest", max_bytes=10**6)
    assert [buffer.put(frame(i)) for i in range(4)] == [True] * 4
    assert drained(buffer) == [2, 3]
    assert buffer.counts.dropped_by_cause == {"drop_oldest": 2}


def test_drop_newest_keeps_the_oldest() -> None:
    buffer = FrameBuffer(2, "drop_newest", max_bytes=10**6)
    assert [buffer.put(frame(i)) for i in range(4)] == [True, True, False, False]
    assert drained(buffer) == [0, 1]
    assert buffer.counts.dropped_by_cause == {"drop_newest": 2}


def test_wait_holds_the_writer_until_there_is_room() -> None:
    buffer = FrameBuffer(1, "wait", max_bytes=10**6)
    buffer.put(frame(0))
    with ThreadPoolExecutor(1) as writer:
        second = writer.submit(buffer.put, frame(1))
        first = buffer.get(timeout_s=DEADLINE_S)
        assert second.result(DEADLINE_S) is True
    assert first is not None
    assert drained(buffer) == [1]
    assert buffer.counts.dropped == 0


def test_bytes_are_bounded_too() -> None:
    buffer = FrameBuffer(100, "drop_oldest", max_bytes=3 * 12)
    for i in range(5):
        buffer.put(frame(i))
    assert buffer.counts.inside_bytes == 36
    assert drained(buffer) == [2, 3, 4]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_frame_larger_than_the_buffer_is_dropped_with_its_cause(policy: DropPolicy) -> None:
    buffer = FrameBuffer(4, policy, max_bytes=100)
    buffer.put(frame(0))
    assert buffer.put(frame(1, side_px=10)) is False
    assert buffer.counts.dropped_by_cause == {"too_large": 1}
    assert drained(buffer) == [0]


@pytest.mark.parametrize("policy", POLICIES)
def test_closing_wakes_both_sides_and_keeps_what_is_inside(policy: DropPolicy) -> None:
    buffer = FrameBuffer(1, policy, max_bytes=10**6)
    empty = FrameBuffer(1, policy, max_bytes=10**6)
    buffer.put(frame(0))
    with ThreadPoolExecutor(2) as threads:
        reader = threads.submit(empty.get)
        empty.close()
        assert reader.result(DEADLINE_S) is None
        if policy == "wait":
            writer = threads.submit(buffer.put, frame(1))
            buffer.close()
            assert writer.result(DEADLINE_S) is False
    buffer.close()
    assert buffer.put(frame(2)) is False
    assert not buffer.ended
    assert drained(buffer) == [0]
    assert buffer.ended


def test_a_frame_given_back_is_the_next_one_again() -> None:
    buffer = FrameBuffer(2, "drop_newest", max_bytes=10**6)
    buffer.put(frame(0))
    buffer.put(frame(1))
    taken = buffer.get()
    assert taken is not None
    buffer.put_back(taken)
    assert buffer.counts.delivered == 0
    assert drained(buffer) == [0, 1]


def test_discarding_counts_what_was_inside() -> None:
    buffer = FrameBuffer(3, "wait", max_bytes=10**6)
    buffer.put(frame(0))
    buffer.put(frame(1))
    buffer.discard()
    assert buffer.counts.dropped_by_cause == {"stopped": 2}
    assert (buffer.counts.inside, buffer.counts.inside_bytes, buffer.ended) == (0, 0, True)


def test_watchers_hear_of_frames_and_of_the_end() -> None:
    buffer, heard = FrameBuffer(1, "drop_newest", max_bytes=10**6), []
    buffer.watch(lambda: heard.append("!"))
    buffer.put(frame(0))
    buffer.put(frame(1))  # dropped: nothing to hear
    buffer.close()
    assert heard == ["!", "!"]


actions = st.lists(st.sampled_from(["put", "put_large", "get", "close"]), max_size=60)


@given(actions=actions, capacity=st.integers(1, 5), policy=st.sampled_from(["drop_oldest", "drop_newest"]))
def test_captured_is_delivered_plus_dropped_plus_inside(
    actions: list[str], capacity: int, policy: DropPolicy
) -> None:
    buffer, puts, gets = FrameBuffer(capacity, policy, max_bytes=60), 0, 0
    for index, action in enumerate(actions):
        if action == "close":
            buffer.close()
        elif action == "get":
            gets += buffer.get(timeout_s=0) is not None
        else:
            puts += 1
            buffer.put(frame(index, side_px=3 if action == "put_large" else 2))
        counts = buffer.counts
        assert (counts.captured, counts.delivered) == (puts, gets)
        assert counts.captured == counts.delivered + counts.dropped + counts.inside
        assert counts.inside <= capacity
        assert counts.inside_bytes <= 60


@pytest.mark.parametrize("policy", POLICIES)
@settings(max_examples=5, deadline=None)
@given(capacity=st.integers(1, 8), readers=st.integers(1, 3), writers=st.integers(1, 3))
def test_nothing_is_lost_silently_between_threads(
    policy: DropPolicy, capacity: int, readers: int, writers: int
) -> None:
    buffer = FrameBuffer(capacity, policy, max_bytes=10**6)
    start = threading.Barrier(readers + writers)
    per_writer = 200

    def write(number: int) -> int:
        start.wait(DEADLINE_S)
        return sum(buffer.put(frame(i, camera=str(number))) for i in range(per_writer))

    def read() -> list[tuple[str, int]]:
        start.wait(DEADLINE_S)
        taken = []
        while (each := buffer.get(DEADLINE_S)) is not None:
            taken.append((each.camera_id, each.frame_index))
        return taken

    with ThreadPoolExecutor(readers + writers) as threads:
        reading = [threads.submit(read) for _ in range(readers)]
        writing = [threads.submit(write, number) for number in range(writers)]
        accepted = sum(each.result(DEADLINE_S) for each in writing)
        buffer.close()
        taken = [each.result(DEADLINE_S) for each in reading]

    counts, delivered = buffer.counts, sum(map(len, taken))
    assert counts.captured == writers * per_writer == counts.delivered + counts.dropped
    assert counts.delivered == delivered == len({each for part in taken for each in part})
    assert accepted == delivered + counts.dropped_by_cause.get("drop_oldest", 0)
    assert policy != "wait" or counts.dropped == 0
    for part in taken:
        for camera in {camera for camera, _ in part}:
            indexes = [index for name, index in part if name == camera]
            assert indexes == sorted(indexes)
