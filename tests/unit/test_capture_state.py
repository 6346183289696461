"""The capture state machine: its story, its back-off, its watchdogs; no event can break it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.cameras.state import (
    CaptureEvent,
    CaptureState,
    Ended,
    Lost,
    Opened,
    PictureBroken,
    PictureCame,
    Started,
    WaitOver,
    backoff_s,
    is_frozen,
    stands_still,
    step,
)
from producers.options import CaptureOptions

OPTIONS = CaptureOptions(
    backoff_first_s=1.0, backoff_max_s=8.0, stable_s=10.0, freeze_s=5.0, identical_s=20.0
)


def after(*events: CaptureEvent, is_recording: bool = False) -> CaptureState:
    state = CaptureState(is_recording=is_recording)
    for event in events:
        state = step(state, event, options=OPTIONS)
    return state


def lost(at_s: float, cause: str = "read_failed") -> Lost:
    return Lost(at_s=at_s, cause=cause, detail=f"{cause} at {at_s}", jitter=0.0)


def came(at_s: float, fingerprint: int = 0) -> PictureCame:
    return PictureCame(at_s=at_s, fingerprint=fingerprint)


def test_a_live_camera_is_lost_waited_for_and_reopened() -> None:
    story: list[CaptureEvent] = [
        Started(),
        Opened(at_s=0.0),
        came(0.1, 1),
        lost(1.0),
        WaitOver(),
        Opened(at_s=2.0),
    ]
    phases = [after(*story[: count + 1]).phase for count in range(len(story))]
    assert phases == ["opening", "streaming", "streaming", "waiting", "opening", "streaming"]
    state = after(*story)
    assert (state.opened, state.reopened, state.lost, state.frames) == (2, 1, 1, 1)
    assert state.by_cause == {"read_failed": 1}
    assert state.problem == "read_failed at 1.0"
    assert step(state, came(2.1), options=OPTIONS).problem is None


def test_a_recording_ends_when_it_is_over_or_lost() -> None:
    over = after(Started(), Opened(at_s=0.0), Ended(missing_frames=3), is_recording=True)
    broken = after(Started(), lost(0.0, "empty"), is_recording=True)
    assert (over.phase, over.by_cause, over.problem) == ("ended", {"missing": 3}, None)
    assert (broken.phase, broken.by_cause, broken.problem) == ("ended", {"empty": 1}, "empty at 0.0")


def test_a_broken_picture_is_counted_and_the_source_goes_on() -> None:
    state = after(
        Started(), Opened(at_s=0.0), PictureBroken(detail="a.jpg: empty"), came(1.0), is_recording=True
    )
    assert (state.phase, state.frames, state.by_cause) == ("streaming", 1, {"undecodable": 1})


def test_back_off_doubles_and_starts_anew_after_a_stable_stream() -> None:
    state, waits, now_s = after(Started()), [], 0.0
    for _ in range(6):
        state = step(state, lost(now_s), options=OPTIONS)
        assert state.retry_s is not None
        waits.append(state.retry_s - now_s)
        now_s = state.retry_s
        state = step(state, WaitOver(), options=OPTIONS)
    assert waits == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    state = step(state, Opened(at_s=100.0), options=OPTIONS)
    assert step(state, lost(105.0), options=OPTIONS).attempt == 7
    assert step(state, lost(110.0), options=OPTIONS).attempt == 1


@given(st.integers(1, 10**6), st.floats(0, 1, exclude_max=True))
def test_back_off_stays_between_its_bounds(attempt: int, jitter: float) -> None:
    wait_s = backoff_s(attempt, jitter, OPTIONS)
    assert OPTIONS.backoff_first_s / 2 <= wait_s <= OPTIONS.backoff_max_s


@pytest.mark.parametrize(("silence_s", "frozen"), [(4.9, False), (5.0, True)])
def test_silence_shows_as_frozen(silence_s: float, frozen: bool) -> None:
    opened = after(Started(), Opened(at_s=10.0))
    streaming = step(opened, came(12.0), options=OPTIONS)
    assert is_frozen(opened, 10.0 + silence_s, OPTIONS) is frozen
    assert is_frozen(streaming, 12.0 + silence_s, OPTIONS) is frozen


def test_the_same_picture_for_long_stands_still() -> None:
    state = after(Started(), Opened(at_s=0.0), came(1.0, 7), came(20.9, 7))
    assert not stands_still(state, 20.9, OPTIONS)
    assert stands_still(state, 21.0, OPTIONS)
    assert not stands_still(step(state, came(21.0, 8), options=OPTIONS), 21.0, OPTIONS)


def test_reopening_forgets_the_picture_that_stood_still() -> None:
    state = after(
        Started(), Opened(at_s=0.0), came(1.0, 7), lost(30.0, "frozen"), WaitOver(), Opened(at_s=31.0)
    )
    assert not stands_still(state, 31.0, OPTIONS)
    assert not stands_still(step(state, came(31.1, 7), options=OPTIONS), 32.0, OPTIONS)


def test_recordings_are_not_watched() -> None:
    state = after(Started(), Opened(at_s=0.0), came(1.0, 7), is_recording=True)
    assert not stands_still(state, 1e6, OPTIONS)
    assert not is_frozen(state, 1e6, OPTIONS)


anything: st.SearchStrategy[CaptureEvent] = st.one_of(
    st.just(Started()),
    st.just(WaitOver()),
    st.just(Opened(at_s=1.0)),
    st.just(Ended()),
    st.builds(lost, st.floats(0, 100), st.sampled_from(["read_failed", "cannot_open"])),
    st.builds(came, st.floats(0, 100), st.integers(0, 1)),
    st.just(PictureBroken(detail="x")),
)


@given(st.lists(anything, max_size=40), st.booleans())
def test_any_order_of_events_keeps_the_counters_true(events: list[CaptureEvent], is_recording: bool) -> None:
    state = after(*events, is_recording=is_recording)
    assert state.reopened == max(0, state.opened - 1)
    assert sum(count for cause, count in state.by_cause.items() if cause != "undecodable") == state.lost
    assert (state.phase == "waiting") == (state.retry_s is not None and state.phase != "ended")
    assert Ended() not in events or state.phase == "ended"
    assert not is_recording or state.phase != "waiting"
