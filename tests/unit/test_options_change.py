"""Other options in mid-stream: in force from the end of a window on, and nothing is measured twice."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from random import Random
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.measure import eras
from processors.measure.aligned import AlignedMeasure, AlignedState
from processors.thresholds import MeasureOptions, StandOptions, options_from, options_kept
from schemas.events import (
    FaceObservations,
    MeasureInput,
    MeasureOutput,
    Play,
    StreamEnded,
    Visit,
    WindowClosed,
)
from schemas.units import US_PER_S, us_from_s
from tests.replay.measure_scenes import (
    Camera,
    Person,
    Showing,
    by_time,
    final,
    frames,
    play,
    visits_of,
    windows_of,
)
from tests.streams import START_US, StreamOptions, synthetic

END = StreamEnded(stand_id="s")
LOOKER = Person(track="a", from_s=20, to_s=95, looks=((25, 90),))
MINUTE = MeasureOptions()
SHORT = MeasureOptions(window_s=20.0)
CI = settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])

Part = tuple[MeasureOptions, Sequence[MeasureInput]]


def driven(parts: Iterable[Part]) -> tuple[AlignedState, list[MeasureOutput]]:
    """One worker after another, each with its options; a checkpoint between them."""
    kept: bytes | None = None
    facts: list[MeasureOutput] = []
    for options, events in parts:
        fold = AlignedMeasure(options)
        state = fold.new_state("s") if kept is None else fold.restored(kept)
        for event in events:
            state, more = fold.step(state, event)
            facts.extend(more)
        kept = fold.kept(state)
        assert fold.restored(kept) == state
    return state, facts


def scene(to_s: float = 178.9, *people: Person, period_s: float = 0.1) -> list[FaceObservations]:
    return frames("s", Camera(to_s=to_s, people=people, period_s=period_s), START_US)


def windows(facts: Iterable[MeasureOutput]) -> list[WindowClosed]:
    """Every window in its last version, by start."""
    return sorted(windows_of(final(facts).values()), key=lambda each: each.start_us)


def spans(facts: Iterable[MeasureOutput]) -> list[tuple[float, float]]:
    """From when to when each window is, s."""
    return [((w.start_us - START_US) / 1e6, (w.end_us - START_US) / 1e6) for w in windows(facts)]


def visits(facts: Iterable[MeasureOutput]) -> list[Visit]:
    """Every visit in its last version."""
    return [fact.visit for fact in visits_of(final(facts).values())]


def observed_us(facts: Iterable[MeasureOutput]) -> int:
    return sum(window.observed_us for window in windows(facts))


def no_overlap(found: Sequence[WindowClosed]) -> bool:
    return all(a.end_us <= b.start_us for a, b in pairwise(found))


def changed_at(at: int, events: Sequence[MeasureInput], *options: MeasureOptions) -> list[MeasureOutput]:
    first, second = options
    return driven([(first, events[:at]), (second, [*events[at:], END])])[1]


@pytest.mark.parametrize(
    ("length_s", "expected"),
    [
        (20, [(0, 60), (60, 120), (120, 140), (140, 160), (160, 180)]),
        (45, [(0, 60), (60, 120), (120, 135), (135, 180)]),
        (7200, [(0, 60), (60, 120), (120, 7200)]),
    ],
)
def test_another_length_holds_from_the_end_of_the_running_window(
    length_s: float, expected: list[tuple[float, float]]
) -> None:
    """START_US is a whole number of each length: 10:00 UTC; the change comes at 70 s."""
    facts = changed_at(700, scene(), MINUTE, MeasureOptions(window_s=float(length_s)))
    assert spans(facts) == expected
    assert observed_us(facts) == scene()[-1].t_us - START_US
    assert max(window.version for window in windows_of(facts)) == 1


def test_another_threshold_holds_from_the_end_of_the_running_window() -> None:
    strict = MeasureOptions(enter_deg=1.0)
    found = windows(changed_at(700, scene(178.9, LOOKER), MINUTE, strict))
    assert [w.metric_version for w in found] == ["1", "1", strict.metric_version("s")]
    looks = [sum(segment.attention_us for segment in w.audience) for w in found]
    assert looks == [35_000_000, 30_000_000, 0]


def test_who_stands_there_at_the_boundary_is_two_visits_that_share_the_time() -> None:
    facts = changed_at(300, scene(178.9, LOOKER), MINUTE, SHORT)
    first, second = sorted(visits(facts), key=lambda visit: visit.started_us)
    boundary_us = START_US + 60 * US_PER_S
    assert (first.metric_version, second.metric_version) == ("1", SHORT.metric_version("s"))
    assert first.ended_us < boundary_us <= second.started_us
    (whole,) = visits(changed_at(300, scene(178.9, LOOKER), MINUTE, MINUTE))
    assert whole.presence_us - first.presence_us - second.presence_us == 100_000, "between two frames"


def test_a_play_over_the_boundary_shares_its_time() -> None:
    shown = play("s", Showing(creative="k", from_s=START_US / 1e6 + 50, to_s=START_US / 1e6 + 70))
    for at in (550, 650):
        facts = changed_at(at, by_time([shown, *scene(178.9, LOOKER)]), MINUTE, SHORT)
        exposures = [each for fact in visits_of(final(facts).values()) for each in fact.exposures]
        assert sum(each.presence_us for each in exposures) in (19_900_000, 20_000_000)
        shown_in = [w for w in windows(facts) if w.campaigns]
        assert sum(w.campaigns[0].dwell_us for w in shown_in) == sum(e.dwell_us for e in exposures)
        assert no_overlap(shown_in)


def test_events_after_the_boundary_that_belong_before_it_are_measured_with_what_was_in_force() -> None:
    side = frames("s", Camera(camera="side", to_s=178.9, people=(LOOKER,)), START_US)
    lagging = [(e.t_us + 8 * US_PER_S, e) for e in side]
    order = sorted([*((e.t_us, e) for e in scene()), *lagging], key=lambda each: each[0])
    events = [event for _, event in order]
    at = next(i for i, e in enumerate(events) if e.t_us > START_US + 40 * US_PER_S)
    facts = changed_at(at, events, MINUTE, SHORT)
    first = windows(facts)[0]
    written = [w.version for w in windows_of(facts) if w.window_id == first.window_id]
    assert (written, first.metric_version) == ([1, 2], "1")
    assert [segment.presence_us for segment in first.audience] == [39_900_000]
    assert no_overlap(windows(facts))
    state, _ = driven([(MINUTE, events[:at]), (SHORT, events[at:])])
    assert state.before is None


def test_an_event_too_late_for_the_era_before_enters_none() -> None:
    """A longer horizon of the new options does not open what was closed."""
    patient = MeasureOptions(late_horizon_s=60.0)
    events = scene()
    straggler = msgspec.structs.replace(scene(178.9, LOOKER)[590], camera_id="side")
    state, facts = driven([(MINUTE, events[:300]), (patient, [*events[300:1600], straggler, END])])
    assert state.stand.ignored.observations_late == 1
    assert not visits_of(facts)


def test_one_frame_from_the_future_begins_nothing() -> None:
    events = scene(55)
    ahead = msgspec.structs.replace(events[-1], t_us=START_US + 3600 * US_PER_S)
    state, facts = driven([(MINUTE, events[:300]), (SHORT, [*events[300:500], ahead, *events[500:]])])
    assert (state.options, state.before, facts) == (MINUTE.of_stand("s"), None, [])
    assert state.stand.ignored.observations_ahead == 1


def test_nothing_is_cut_while_no_frames_come() -> None:
    shown = play("s", Showing(creative="k", from_s=START_US / 1e6 + 10, to_s=START_US / 1e6 + 20))
    state, facts = driven([(MINUTE, scene(30)), (SHORT, [shown])])
    assert (state.options, facts) == (MINUTE.of_stand("s"), [])


def test_a_stand_without_frames_takes_the_options_at_once() -> None:
    _, facts = driven([(MINUTE, ()), (SHORT, [*scene(50), END])])
    assert spans(facts) == [(0, 20), (20, 40), (40, 60)]


def test_after_a_night_the_new_options_are_in_force_with_the_first_frames() -> None:
    day = frames("s", Camera(from_s=28_800, to_s=28_850), START_US)
    state, facts = driven([(MINUTE, scene(50)), (SHORT, [*day, END])])
    assert spans(facts)[:2] == [(0, 60), (28_800, 28_820)]
    assert state.before is None


def test_options_that_come_back_before_the_boundary_change_nothing() -> None:
    events = scene(178.9, LOOKER)
    there = driven([(MINUTE, events[:650]), (SHORT, events[650:900]), (MINUTE, [*events[900:], END])])
    assert there[1] == driven([(MINUTE, [*events, END])])[1]


def test_another_change_waits_until_the_first_is_over() -> None:
    events = scene()
    parts = [(MINUTE, events[:300]), (SHORT, events[300:700])]
    _, facts = driven([*parts, (MeasureOptions(window_s=30.0), [*events[700:], END])])
    assert spans(facts) == [(0, 60), (60, 80), (80, 100), (100, 120), (120, 150), (150, 180)]
    assert no_overlap(windows(facts))


def test_only_the_stand_whose_options_differ_changes() -> None:
    screen = StandOptions(bearing_yaw_deg=10.0)
    other = MeasureOptions(stands={"t": screen, "u": StandOptions()})
    events = scene(178.9, LOOKER)
    assert changed_at(700, events, MINUTE, other) == changed_at(700, events, MINUTE, MINUTE)
    mine = MeasureOptions(stands={"s": screen})
    assert {w.metric_version for w in windows(changed_at(700, events, MINUTE, mine))} > {"1"}


def test_the_end_of_the_sources_ends_both_eras() -> None:
    events = scene(60.5, LOOKER)
    state, facts = driven([(MINUTE, events[:300]), (SHORT, [*events[300:], END])])
    assert state.before is not None
    assert spans(facts) == [(0, 60), (60, 80)]
    assert observed_us(facts) == events[-1].t_us - START_US


def test_options_of_another_release_are_read_and_its_unknown_thresholds_left_out() -> None:
    kept = options_kept(MeasureOptions(window_s=20, stands={"s": StandOptions(zone=((0, 0), (1, 1)))}))
    again = msgspec.msgpack.decode(msgspec.msgpack.encode({**kept, "of_a_later_release": 7}))
    assert options_from(again) == MeasureOptions(
        window_s=20.0, stands={"s": StandOptions(zone=((0.0, 0.0), (1.0, 1.0)))}
    )
    del again["rejoin_s"]
    assert options_from(again).rejoin_s == MeasureOptions().rejoin_s


def test_the_digest_is_of_all_that_figures_depend_on() -> None:
    plain = MeasureOptions().digest
    assert plain == MeasureOptions(window_s=60, stands={"s": StandOptions()}).digest
    others = [MeasureOptions(window_s=20), MeasureOptions(stands={"s": StandOptions(bearing_yaw_deg=1)})]
    assert len({plain, *(each.digest for each in others)}) == 3


LENGTHS_S = [1.0, 2.5, 7.0, 10.0, 13.0, 60.0]


def some_options(chance: Random) -> MeasureOptions:
    return MeasureOptions(
        window_s=chance.choice(LENGTHS_S),
        late_horizon_s=chance.choice([6.0, 20.0]),
        lateness_s=chance.choice([0.0, 2.0]),
        rejoin_s=chance.choice([1.0, 4.0]),
        enter_deg=chance.choice([10.0, 20.0]),
    )


def some_stream(chance: Random) -> list[MeasureInput]:
    """80 s of one or two cameras with people, holes and plays; up to 2 s of disorder."""
    made: list[MeasureInput] = []
    for camera in chance.choice(["x", "xy"]):
        people = tuple(
            Person(
                track=f"{camera}{n}", from_s=at, to_s=at + chance.choice([1, 9, 30]), looks=((at, at + 5),)
            )
            for n, at in enumerate(chance.uniform(0, 70) for _ in range(chance.randrange(4)))
        )
        period_s = chance.choice([0.1, 0.3, 0.7])
        made += frames("s", Camera(camera=camera, to_s=80, people=people, period_s=period_s), START_US)
    hole_us = START_US + us_from_s(chance.uniform(0, 80))
    kept = [e for e in made if not (isinstance(e, FaceObservations) and 0 <= e.t_us - hole_us < 4 * US_PER_S)]
    for n in range(chance.randrange(4)):
        at = START_US / 1e6 + chance.randrange(75)
        kept.append(play("s", Showing(creative=f"k{n}", from_s=at, to_s=at + chance.choice([3, 20]))))
    slack_us = chance.choice([0, 0, 2 * US_PER_S])

    return sorted(kept, key=lambda event: time_us(event) + chance.random() * slack_us)


def time_us(event: MeasureInput) -> int:
    assert not isinstance(event, StreamEnded)
    return event.start_us if isinstance(event, Play) else event.t_us


@CI
@given(st.integers(0, 2**32 - 1))
def test_whenever_options_change_every_instant_is_measured_once(seed: int) -> None:
    chance = Random(seed)
    events = some_stream(chance)
    cuts = [0, *sorted(chance.randrange(len(events)) for _ in range(chance.randrange(1, 4))), len(events)]
    parts: list[Part] = [(some_options(chance), events[a:b]) for a, b in pairwise(cuts)]
    facts = driven([*parts, (parts[-1][0], [END])])[1]
    found = windows(facts)
    assert no_overlap(found)
    assert all(0 < w.observed_us <= w.end_us - w.start_us or w.campaigns for w in found)
    assert observed_us(facts) == observed_us(driven([(parts[-1][0], [*events, END])])[1])
    assert max(window.version for window in windows_of(facts)) <= 3
    if events == sorted(events, key=time_us):
        segments = [segment for window in found for segment in window.audience]
        assert sum(s.presence_us for s in segments) == sum(v.presence_us for v in visits(facts))
        assert sum(s.attention_us for s in segments) == sum(v.attention_us for v in visits(facts))


@pytest.mark.parametrize("set_by_us", [-3 * 3_600 * US_PER_S, 3 * 3_600 * US_PER_S])
@pytest.mark.parametrize("changed_at", [1_450, 1_590, 1_610, 2_980, 3_210])
def test_a_clock_that_is_set_beside_a_change_loses_and_doubles_no_time(
    set_by_us: int, changed_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while events may still be late for the thresholds before: the clock is set after 80 and 160 s."""
    set_in_both: list[int] = []
    real = eras._set_back

    def told(*given: Any) -> Any:
        set_in_both.append(changed_at)
        return real(*given)

    monkeypatch.setattr(eras, "_set_back", told)
    stream = StreamOptions(
        observations=4_800, seed=3, stands=1, late_share=0, repeated_share=0, set_by_us=set_by_us
    )
    before, after = AlignedMeasure(MeasureOptions(window_s=25)), AlignedMeasure(MeasureOptions(window_s=45))
    fold, state, seen = before, before.new_state("synthetic-00"), 0
    windows: dict[UUID, WindowClosed] = {}
    for event in synthetic(stream):
        seen += isinstance(event, FaceObservations)
        if seen == changed_at and fold is before:
            fold, state = after, after.restored(before.kept(state))
        state, facts = fold.step(state, event)
        windows |= {fact.window_id: fact for fact in facts if isinstance(fact, WindowClosed)}
    assert sum(each.observed_us for each in windows.values()) == 239_850_000, "240 s but for two jumps"
    assert (state.stand.set_back, state.options.window_s, state.before) == (1, 45, None)
    if (set_by_us < 0, changed_at) in {(True, 1_450), (False, 2_980)}:
        assert set_in_both, "the clock was set back while the thresholds before were still open"
