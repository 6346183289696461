"""Until when late knowledge counts: exact limits of joining, correcting, waiting and forgetting."""

from random import Random

import msgspec
import pytest

from processors.measure.fold import MeasureOptions
from schemas.events import FaceObservations, Play
from tests.replay.measure_scenes import (
    Camera,
    Person,
    Showing,
    final,
    frames,
    play,
    run,
    visits_of,
    windows_of,
)

OPTIONS = MeasureOptions(window_s=10.0, late_horizon_s=6.0, rejoin_s=4.0, max_jump_s=20.0)


def ann_recognised_again_at(t_s: float) -> list[FaceObservations]:
    """Ann leaves at 9.5 s; from 8 s on another camera follows her and recognises her at `t_s`."""
    first = Person(track="a", from_s=5, to_s=9.5, member="Ann")
    second = Person(track="b", from_s=8, to_s=25, member="Ann", member_from_s=t_s)
    return frames("s", Camera(to_s=45, people=(first, second)))


@pytest.mark.parametrize(
    ("t_s", "in_window", "visits"), [(15.9, 1, 1), (16.0, 1, 1), (16.1, 2, 1), (19.5, 2, 1), (19.6, 2, 2)]
)
def test_a_recognition_counts_until_the_horizon_of_each_fact(t_s: float, in_window: int, visits: int) -> None:
    """The window ends at 10 s + 6 s of horizon; the visit at 9.5 s + 4 s to rejoin + 6 s of horizon."""
    facts = list(final(run("s", ann_recognised_again_at(t_s), OPTIONS)[1]).values())
    first = next(window for window in windows_of(facts) if window.start_us == 0)
    assert sum(segment.ots for segment in first.audience) == in_window
    assert len(visits_of(facts)) == visits


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("t_s", [15.9, 16.1, 17.5, 19.4, 19.6, 21.4])
def test_the_limit_does_not_depend_on_the_order_of_arrival(t_s: float, seed: int) -> None:
    events = ann_recognised_again_at(t_s)
    chance = Random(seed)
    keyed = sorted((e.t_us + chance.randrange(2_000_000), i) for i, e in enumerate(events))
    shuffled = [events[index] for _, index in keyed]
    assert final(run("s", shuffled, OPTIONS)[1]) == final(run("s", events, OPTIONS)[1])


@pytest.mark.parametrize(("lag_s", "late"), [(7.9, 0), (8.1, 1)])
def test_an_event_counts_until_the_horizon(lag_s: float, late: int) -> None:
    """The watermark is 2 s behind the newest event, the horizon 6 s behind that."""
    events = frames("s", Camera(to_s=20))
    newest_us = events[-1].t_us
    straggler = msgspec.structs.replace(events[0], t_us=newest_us - round(lag_s * 1e6))
    state, _ = run("s", [*events, straggler], OPTIONS)
    assert state.ignored.observations_late == late


def test_tracks_far_apart_in_time_are_two_visits_of_one_track() -> None:
    parts = [
        Camera(to_s=5, people=(Person(track="a", from_s=1, to_s=4.9),)),
        Camera(from_s=9.3, to_s=14, people=(Person(track="a", from_s=9.3, to_s=12),)),
    ]
    facts = run("s", [event for part in parts for event in frames("s", part)], OPTIONS)[1]
    assert [fact.visit.presence_us for fact in visits_of(facts)] == [3_900_000, 2_700_000]
    assert len({fact.visit.visit_id for fact in visits_of(facts)}) == 2


def test_a_late_sample_between_joins_both_parts() -> None:
    """5 s apart are two parts; a sample in the middle, late by 2 s, makes them one visit again."""
    person = Person(track="a", from_s=1, to_s=12)
    early = frames("s", Camera(to_s=5, people=(person,)))
    (between,) = frames("s", Camera(from_s=7.5, to_s=7.6, people=(person,)))
    later = frames("s", Camera(from_s=9.9, to_s=20, people=(person,)))
    late = [*early, *later[:10], between, *later[10:]]
    facts = run("s", late, OPTIONS)[1]
    assert [fact.visit.presence_us for fact in visits_of(facts)] == [3_900_000 + 2_100_000]
    assert final(facts) == final(run("s", [*early, between, *later], OPTIONS)[1])


def test_a_play_needs_a_length_and_is_taken_once() -> None:
    good = play("s", Showing(creative="k", from_s=1, to_s=2))
    bad = play("s", Showing(creative="k", from_s=2, to_s=2))
    long = play("s", Showing(creative="k", from_s=2, to_s=90_000))
    old: list[Play] = [play("s", Showing(creative="k", from_s=-9, to_s=-8))]
    state, facts = run("s", [good, bad, long, good, *frames("s", Camera(to_s=3)), *old], OPTIONS)
    counts = msgspec.structs.asdict(state.ignored)
    assert {name: count for name, count in counts.items() if count} == {
        "plays_invalid": 2,
        "plays_repeated": 1,
        "plays_late": 1,
    }
    assert [campaign.plays for window in windows_of(facts) for campaign in window.campaigns] == [1]


def test_sparse_frames_are_not_lost_as_jumps() -> None:
    """Every frame lies beyond `max_jump_s`: nothing contradicts them, so all enter, three at a time."""
    events = [frames("s", Camera(from_s=t, to_s=t + 0.1))[0] for t in range(0, 400, 40)]
    state, _ = run("s", events, OPTIONS)
    assert state.newest_us == events[-1].t_us
    assert state.ignored.observations_ahead == 0


def test_a_repeated_event_does_not_contradict_a_jump() -> None:
    before = frames("s", Camera(to_s=5))
    after = frames("s", Camera(from_s=900, to_s=905))
    state, _ = run("s", [*before, after[0], before[-1], after[0], after[1], before[-2], *after[2:]], OPTIONS)
    assert state.ignored.observations_ahead == 0
    assert state.seen[-1][0] == after[0].t_us


def test_what_waits_enters_when_the_clock_comes_near() -> None:
    """At 5 s an event of 25.5 s is too far ahead; after one of 24.9 s it is not."""
    events = [frames("s", Camera(from_s=t, to_s=t + 0.1))[0] for t in (5, 25.5, 24.9)]
    state, _ = run("s", events, OPTIONS, end=False)
    assert (state.newest_us, state.waiting) == (25_500_000, ())
    assert state.ignored.observations_ahead == 0


def test_a_late_frame_after_a_closed_window_is_observed_as_long_as_its_people_are_present() -> None:
    """Frames until 9.4 s, then from 18 s; the frame of 10.2 s comes last, just inside the horizon."""
    person = Person(track="a", from_s=5, to_s=11)
    early = frames("s", Camera(to_s=9.5, people=(person,)))
    late = frames("s", Camera(from_s=10.2, to_s=10.3, people=(person,)))
    later = frames("s", Camera(from_s=18, to_s=18.3))
    facts = final(run("s", [*early, *later, *late], OPTIONS)[1]).values()
    second = next(window for window in windows_of(facts) if window.start_us == 10_000_000)
    assert second.observed_us == 200_000 + 200_000
    assert [segment.presence_us for segment in second.audience] == [200_000]


@pytest.mark.parametrize(
    "wrong",
    [
        {"enter_deg": 31},
        {"max_gap_s": 1.5},
        {"rejoin_s": 0.5},
        {"window_s": 0},
        {"looking": "sharp"},
        {"stands": {"s": {"zone": [[0, 0]]}}},
        {"unknown": 1},
    ],
)
def test_wrong_thresholds_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, MeasureOptions)


def test_a_repeated_event_does_not_bring_a_fact_forward() -> None:
    """The visit is over at 3.25 s + 4 s, which is looked at when the watermark is at 8 s."""
    person = Person(track="a", from_s=1, to_s=3.25)
    events = frames("s", Camera(to_s=30, period_s=0.25, people=(person,)))
    for end in range(30, 45):
        before = run("s", events[:end], OPTIONS, end=False)[1]
        assert run("s", [*events[:end], events[10]], OPTIONS, end=False)[1] == before
    at_10_s = run("s", events[:41], OPTIONS, end=False)[1]
    assert visits_of(run("s", events[:40], OPTIONS, end=False)[1]) == []
    assert len(visits_of(at_10_s)) == 1


def test_late_samples_correct_a_visit_that_was_written() -> None:
    """Written as 1-3 s; the side camera's samples up to 4 s come when the clock is at 10.5 s."""
    person = Person(track="a", from_s=1, to_s=4, looks=((2, 4),))
    seen = frames("s", Camera(camera="side", to_s=5, people=(person,)))
    clock = frames("s", Camera(to_s=40))
    events = [*seen[:31], *clock[50:106], *seen[31:41], *clock[106:]]
    first, second = visits_of(run("s", events, OPTIONS)[1])
    assert (first.visit.version, first.visit.attention_us) == (1, 1_000_000)
    assert (second.visit.version, second.visit.attention_us) == (2, 2_000_000)
    assert first.visit.visit_id == second.visit.visit_id


def test_late_samples_in_the_middle_correct_a_visit_when_its_horizon_has_passed() -> None:
    """The samples of 3.2-3.8 s come when the clock is at 11.1 s: until then 0.3 s of looking are unknown."""
    person = Person(track="a", from_s=1, to_s=4, looks=((2, 4),))
    seen = frames("s", Camera(camera="side", to_s=5, people=(person,)))
    clock = frames("s", Camera(to_s=40))
    events = [*seen[:32], *seen[39:], *clock[51:112], *seen[32:39], *clock[112:]]
    first, second = visits_of(run("s", events, OPTIONS)[1])
    assert (first.visit.version, first.visit.attention_us) == (1, 1_700_000)
    assert (second.visit.version, second.visit.attention_us) == (2, 2_000_000)


def test_two_visits_that_were_written_are_never_joined() -> None:
    """The late sample says that the second was Ann too; there is no fact that takes a visit back."""
    ann = Person(track="a", from_s=1, to_s=2, member="Ann")
    other = Person(track="b", from_s=3, to_s=5, member="Ann", member_from_s=5)
    seen = frames("s", Camera(camera="side", to_s=5.1, people=(ann, other)))
    clock = frames("s", Camera(to_s=40))
    events = [*seen[:50], *clock[51:112], *seen[50:], *clock[112:]]
    visits = visits_of(final(run("s", events, OPTIONS)[1]).values())
    assert sorted(str(each.visit.member_id) for each in visits) == ["Ann", "Ann"]
    assert len(visits_of(final(run("s", [*seen, *clock[51:]], OPTIONS)[1]).values())) == 1
