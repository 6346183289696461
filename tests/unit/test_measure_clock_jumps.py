"""A stand's clock that is set: nothing is lost, nothing collides, and one stray frame sets no clock."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.measure.aligned import AlignedMeasure
from processors.measure.fold import MeasureOptions, checkpoint_of, state_from, step
from processors.measure.state import StandState
from schemas.events import (
    FaceObservations,
    MeasureInput,
    MeasureOutput,
    Play,
    StreamEnded,
    VisitEnded,
    WindowClosed,
)
from schemas.units import US_PER_S
from tests.replay.measure_scenes import (
    Camera,
    Person,
    Showing,
    final,
    frames,
    identity,
    play,
    run,
    visits_of,
    windows_of,
)

OPTIONS = MeasureOptions(window_s=10.0, late_horizon_s=6.0, rejoin_s=4.0, max_jump_s=20.0)
"""What is more than 8 s late is older than the horizon."""
CI = settings(max_examples=60, derandomize=True, deadline=None)
Segments = Sequence[tuple[float, int]]
"""Where the clock stands when it was set, s, and how many frames come then."""


def jumping(
    segments: Segments, camera: str = "cam", people: tuple[Person, ...] = ()
) -> list[FaceObservations]:
    """One camera, ten frames a second, whose clock is set between segments; numbers go on."""
    made: list[FaceObservations] = []
    for from_s, count in segments:
        scene = Camera(
            camera=camera, from_s=from_s, to_s=from_s + count / 10, first_index=len(made), people=people
        )
        made += frames("s", scene)
    return made


def observed_s(facts: Sequence[MeasureOutput]) -> float:
    """What cameras saw, as the last versions of all windows add it up."""
    return sum(window.observed_us for window in windows_of(final(facts).values())) / US_PER_S


def seen_s(segments: Segments) -> float:
    return sum((count - 1) / 10 for _, count in segments)


@pytest.mark.parametrize(
    "segments",
    [
        [(10_800, 200), (20, 300)],
        [(20, 200), (10_800, 300)],
        [(1_000, 200), (20, 100), (1_000, 200)],
        [(5_000, 100), (1_000, 100), (20, 100), (1_005, 100), (5_000, 100)],
        [(500, 300), (490, 100), (480, 100), (470, 100)],
    ],
    ids=["ahead then right", "behind then right", "there again", "twice", "little by little"],
)
def test_what_was_seen_adds_up_whatever_the_clock_does(segments: Segments) -> None:
    state, facts = run("s", jumping(segments), OPTIONS)
    assert observed_s(facts) == pytest.approx(seen_s(segments))
    assert state.ignored == StandState(stand_id="s").ignored
    assert state.set_back == sum(later[0] < earlier[0] for earlier, later in pairwise(segments))


@CI
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(20, 150)), min_size=2, max_size=6))
def test_no_event_is_lost_to_a_jump(steps: list[tuple[int, int]]) -> None:
    """The clock is set by more than the horizon each time: all is in a window once; versions are sound."""
    segments: list[tuple[float, int]] = []
    for where, count in steps:
        until_s = segments[-1][0] + segments[-1][1] / 10 if segments else 0.0
        is_far = not segments or where > until_s + 20 or where < until_s - 9
        segments.append((where if is_far else until_s + 100.0 + where, count))
    facts = run("s", jumping(segments), OPTIONS)[1]
    assert observed_s(facts) == pytest.approx(seen_s(segments))
    known: dict[str, list[int]] = {}
    for fact in facts:
        version = fact.visit.version if isinstance(fact, VisitEnded) else fact.version
        known.setdefault(identity(fact), []).append(version)
    assert all(versions == list(range(1, len(versions) + 1)) for versions in known.values())


@CI
@given(st.integers(0, 550), st.integers(0, 3))
def test_going_on_from_a_checkpoint_inside_a_jump_changes_nothing(cut: int, more: int) -> None:
    people = (Person(track="a", from_s=500, to_s=540, looks=((501, 530),)),)
    events: list[MeasureInput] = [*jumping([(500, 280), (480 - more, 280)], people=people)]
    events.insert(281, play("s", Showing(creative="k", from_s=470, to_s=482)))
    state = StandState(stand_id="s")
    facts: list[MeasureOutput] = []
    for index, event in enumerate((*events, StreamEnded(stand_id="s"))):
        if index == cut:
            state = state_from(checkpoint_of(state))
        state, follow = step(state, event, OPTIONS)
        facts.extend(follow)
    assert msgspec.msgpack.encode(facts) == msgspec.msgpack.encode(run("s", events, OPTIONS)[1])


def test_a_clock_set_back_inside_the_horizon_puts_its_frames_in_their_place() -> None:
    state, facts = run("s", jumping([(100, 200), (115, 300)]), OPTIONS)
    assert (state.set_back, state.ignored) == (0, StandState(stand_id="s").ignored)
    assert observed_s(facts) == pytest.approx(44.9)


@pytest.mark.parametrize("strays", [1, 2])
def test_stray_frames_set_no_clock(strays: int) -> None:
    steady = jumping([(100, 400)])
    stray = [
        msgspec.structs.replace(each, t_us=each.t_us - 90 * US_PER_S, frame_index=10_000 + n)
        for n, each in enumerate(steady[:strays])
    ]
    state, facts = run("s", [*steady[:300], *stray, *steady[300:]], OPTIONS)
    assert (state.set_back, state.ignored.observations_late) == (0, strays)
    assert final(facts) == final(run("s", steady, OPTIONS)[1])


def test_stray_frames_at_the_very_end_set_no_clock() -> None:
    steady = jumping([(100, 400)])
    stray = msgspec.structs.replace(steady[0], t_us=steady[0].t_us - 90 * US_PER_S, frame_index=10_000)
    state, facts = run("s", [*steady, stray], OPTIONS)
    assert (state.set_back, state.ignored.observations_late, state.waiting) == (0, 1, ())
    assert final(facts) == final(run("s", steady, OPTIONS)[1])


def test_a_camera_that_alone_was_set_back_does_not_set_the_stand_back() -> None:
    """The other camera goes on: what contradicts it is counted, as what runs ahead is."""
    right, wrong = jumping([(100, 400)], "right"), jumping([(100, 100), (20, 300)], "wrong")
    mixed = [event for pair in zip(right, wrong, strict=True) for event in pair]
    state, _ = run("s", mixed, OPTIONS)
    assert (state.set_back, state.ignored.observations_late) == (0, 300)


def test_two_cameras_of_one_machine_are_set_back_together() -> None:
    left, right = jumping([(100, 100), (20, 300)], "left"), jumping([(100, 105), (20.5, 295)], "right")
    mixed = [event for pair in zip(left, right, strict=True) for event in pair]
    state, facts = run("s", mixed, OPTIONS)
    assert state.set_back == 1
    assert state.ignored.observations_late == 5, "while the other's frames of the old time still came"
    assert observed_s(facts) == pytest.approx(10.4 + 29.4)


def test_what_is_sent_again_sets_no_clock_back_also_across_a_jump() -> None:
    events = jumping([(100, 300), (20, 300)])
    again = [*events[:320], *events[150:320], *events[320:], *events[350:]]
    state, facts = run("s", again, OPTIONS)
    assert state.set_back == 1
    assert final(facts) == final(run("s", events, OPTIONS)[1])


def test_visits_end_where_the_clock_was_set_and_nobody_crosses() -> None:
    people = (Person(track="a", from_s=110, to_s=119.9), Person(track="b", from_s=20, to_s=25))
    facts = run("s", jumping([(100, 200), (20, 300)], people=people), OPTIONS)[1]
    assert [(each.visit.started_us, each.visit.ended_us) for each in visits_of(facts)] == [
        (110_000_000, 119_900_000),
        (20_000_000, 25_000_000),
    ]


def test_windows_of_a_time_that_comes_again_have_ids_of_their_own() -> None:
    """From where the old time ended on, ids are what they would have been without a jump."""
    facts = run("s", jumping([(100, 200), (60, 900)]), OPTIONS)[1]
    plain = run("s", jumping([(60, 900)]), OPTIONS)[1]
    first = {each.start_us: each.window_id for each in windows_of(plain)}
    ids: dict[int, set[object]] = {}
    for each in windows_of(facts):
        ids.setdefault(each.start_us // US_PER_S, set()).add(each.window_id)
    assert {start for start, known in ids.items() if len(known) == 2} == {100, 110}
    assert all((first[start * US_PER_S] in known) == (start >= 100) for start, known in ids.items())


def test_plays_that_run_when_the_clock_is_set_back_are_kept() -> None:
    """Capture sends them before the first frame of the new time, for which they are far too late then."""
    people = (Person(track="a", from_s=20, to_s=40, looks=((20, 40),)),)
    before, after = jumping([(100, 200)]), jumping([(100, 200), (20, 300)], people=people)[200:]
    early = [play("s", Showing(creative="k", from_s=110, to_s=120))]
    running = play("s", Showing(creative="k", from_s=15, to_s=25))
    following = play("s", Showing(creative="l", from_s=20.1, to_s=35))
    events: list[MeasureInput] = [*early, *before, running, after[0], following, *after[1:]]
    state, facts = run("s", events, OPTIONS)
    assert state.ignored.plays_late == 0
    (visit,) = visits_of(facts)
    assert [(each.creative_id, each.presence_us) for each in visit.exposures] == [
        ("k", 5_000_000),
        ("l", 14_900_000),
    ]


def test_a_worker_measures_a_jump_as_the_embedded_run_does() -> None:
    people = (Person(track="a", from_s=20, to_s=40, looks=((20, 40),)),)
    starts = (100, 110, 15, 25, 35)
    plays = [*(play("s", Showing(creative="k", from_s=at, to_s=at + 10)) for at in starts)]
    seen = jumping([(100, 200), (20, 300)], people=people)
    ahead = play("s", Showing(creative="later", from_s=45, to_s=60))
    events: list[MeasureInput] = [plays[0], *seen[:100], ahead, plays[1], *seen[100:200], plays[2]]
    events += [*seen[200:250], plays[3], *seen[250:350], plays[4], *seen[350:]]
    fold = AlignedMeasure(OPTIONS)
    state = fold.new_state("s")
    facts: list[MeasureOutput] = []
    for event in (*events, StreamEnded(stand_id="s")):
        state, follow = fold.step(state, event)
        facts.extend(follow)
    assert state.newest_us == seen[-1].t_us, "plays are held by the new time"
    embedded = run("s", events, OPTIONS)[1]
    assert facts == embedded
    shown = {c.creative_id for w in facts if isinstance(w, WindowClosed) for c in w.campaigns}
    assert shown == {"k", "later"}


@pytest.mark.parametrize("ahead", [0, 1, 10, 50, 400, 800, 1500, 3000])
def test_however_early_plays_are_read_a_jump_gives_the_facts_of_the_embedded_run(ahead: int) -> None:
    """A worker that comes back reads all plays before the frames: ahead, right, by mistake, right."""
    events: list[MeasureInput] = []
    for number, start_s in enumerate((10_900, 200, -3_500, 400)):
        person = Person(track=f"p{number}", from_s=2, to_s=30, looks=((3, 20),))
        start_us = (5_000 + start_s) * US_PER_S
        shown = [
            play("s", Showing(creative="k", from_s=at, to_s=at + 15), start_us) for at in range(0, 60, 15)
        ]
        scene = Camera(to_s=70, first_index=700 * number, people=(person,))
        for seen in frames("s", scene, start_us=start_us):
            events += [each for each in shown if each.start_us == seen.t_us]
            events.append(seen)
    fold = AlignedMeasure(MeasureOptions())
    state = fold.new_state("s")
    facts: list[MeasureOutput] = []
    early = sorted(enumerate(events), key=lambda pair: pair[0] - (ahead + 0.5) * isinstance(pair[1], Play))
    for _, event in (*early, (0, StreamEnded(stand_id="s"))):
        state, follow = fold.step(state, event)
        facts.extend(follow)
    assert facts == run("s", events)[1]
    assert observed_s(facts) == pytest.approx(4 * 69.9)
    assert (state.stand.ignored, state.held) == (StandState(stand_id="s").ignored, ())
