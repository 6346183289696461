"""The state of MEASURE is a value: a checkpoint gives it back equal, and other versions are refused."""

import time

import msgspec
import pytest

from processors.measure.fold import MeasureOptions, checkpoint_of, state_from, step
from processors.measure.state import STATE_VERSION, StandState
from schemas.errors import UsageError
from schemas.events import MeasureInput, StreamEnded
from tests.replay.measure_scenes import Camera, Person, Showing, by_time, frames, play

PEOPLE = (
    Person(
        track="a", from_s=1, to_s=80, looks=((2, 9), (30, 70)), expression="happy", age=30.0, member="Ann"
    ),
    Person(track="b", from_s=20, to_s=24, looks=((21, 22),), female=0.2),
)


@pytest.fixture
def used() -> StandState:
    """A stand in the middle of its work: settled and open tracks, written facts, plays, a waiting event."""
    events: list[MeasureInput] = by_time(
        [
            *frames("s", Camera(to_s=75, people=PEOPLE)),
            *(play("s", Showing(creative="k", from_s=10 * n, to_s=10 * n + 10)) for n in range(9)),
            *frames("s", Camera(from_s=500, to_s=500.1)),
        ]
    )
    state = StandState(stand_id="s")
    for event in events:
        state, _ = step(state, event, MeasureOptions())
    return state


def test_a_used_state_holds_every_kind_of_thing(used: StandState) -> None:
    assert used.tracks
    assert used.plays
    assert used.waiting
    assert used.windows
    assert used.visits
    assert any(track.settled for track in used.all_tracks)


def test_a_checkpoint_comes_back_equal(used: StandState) -> None:
    assert state_from(checkpoint_of(used)) == used
    assert checkpoint_of(state_from(checkpoint_of(used))) == checkpoint_of(used)


def test_a_state_cannot_be_changed(used: StandState) -> None:
    with pytest.raises(AttributeError):
        used.stand_id = "other"  # type: ignore[misc]


def test_another_version_is_refused(used: StandState) -> None:
    other = checkpoint_of(msgspec.structs.replace(used, state_version=STATE_VERSION + 1))
    with pytest.raises(UsageError, match=f"version {STATE_VERSION + 1}"):
        state_from(other)


@pytest.mark.parametrize(
    "damaged", [b"", b"\xff\xfe", msgspec.msgpack.encode({"state_version": STATE_VERSION})]
)
def test_a_damaged_checkpoint_is_refused(damaged: bytes) -> None:
    with pytest.raises(UsageError, match="damaged"):
        state_from(damaged)


def test_the_end_of_a_stream_may_come_twice(used: StandState) -> None:
    ended, facts = step(used, StreamEnded(stand_id="s"), MeasureOptions())
    _, again = step(ended, StreamEnded(stand_id="s"), MeasureOptions())
    assert facts
    assert again == ()


def test_old_people_and_plays_are_forgotten(used: StandState) -> None:
    state = used
    for event in frames("s", Camera(from_s=500.1, to_s=640, period_s=0.5)):
        state, _ = step(state, event, MeasureOptions())
    assert not state.all_tracks
    assert not state.plays
    assert not state.visits
    assert len(checkpoint_of(state)) < 1000


def test_the_tail_stays_inside_the_horizon() -> None:
    person = Person(track="staff", from_s=0, to_s=600, looks=((0, 600),))
    state = StandState(stand_id="s")
    for event in frames("s", Camera(to_s=600, people=(person,))):
        state, _ = step(state, event, MeasureOptions())
    (track,) = state.all_tracks
    assert len(track.tail) <= 10 * (2 + 30 + 10 + 1)
    assert 590 <= len(track.settled) + len(track.tail) / 10 <= 600


def test_the_usual_event_is_cheap() -> None:
    """One face a frame: some 70,000 events/s on a core; the bound only catches another order of growth."""
    people = tuple(
        Person(track=f"p{n}", from_s=12 * n, to_s=12 * n + 10, looks=((0, 900),)) for n in range(60)
    )
    events = frames("s", Camera(to_s=720, people=people))
    state, begun_s = StandState(stand_id="s"), time.process_time()
    for event in events:
        state, _ = step(state, event, MeasureOptions())
    assert len(events) / (time.process_time() - begun_s) > 5_000
