"""Properties that hold for whatever people, cameras and plays do before a stand."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random
from typing import TypeVar

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.measure.engagement import is_engaged
from processors.measure.fold import MeasureOptions, step
from processors.measure.state import StandState
from processors.thresholds import StandOptions
from schemas.events import (
    EXPRESSIONS,
    AudienceFigures,
    CampaignFigures,
    FaceObservations,
    FaceObserved,
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
    by_time,
    final,
    frames,
    identity,
    play,
    run,
    visits_of,
    windows_of,
)

OPTIONS = MeasureOptions(
    window_s=10.0,
    late_horizon_s=6.0,
    rejoin_s=4.0,
    max_jump_s=20.0,
    stands={"s": StandOptions(zone=((0.2, 0.0), (1.0, 1.0)))},
)
"""Short times, so that short streams meet every boundary."""
T = TypeVar("T")
END = StreamEnded(stand_id="s")

CI = settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def scenes(build: Callable[[Random], T]) -> st.SearchStrategy[T]:
    """Dense random scenes by seed: fields drawn one by one come out too empty to meet each other."""
    return st.integers(0, 2**32 - 1).map(lambda seed: build(Random(seed)))


def _itself(chance: Random) -> Random:
    return chance


def person(chance: Random, camera: str, *, recognised_at_once: bool = False) -> Person:
    """One track: when, looking when, who."""
    begin = chance.randrange(300) / 10
    length = chance.choice([0.2, 1.0, 3.0, 9.0, 25.0])
    starts = [begin + chance.uniform(-1, length) for _ in range(chance.randrange(4))]
    return Person(
        track=camera + chance.choice("abcdefgh"),
        from_s=begin,
        to_s=begin + length,
        looks=tuple((start, start + chance.choice([0.1, 0.5, 1.5, 8.0])) for start in starts),
        age=chance.choice([None, 9.0, 15.5, 34.0, 80.0]),
        female=chance.choice([None, 0.1, 0.9]),
        member=chance.choice([None, "Ann", "Ann", "Bob"]),
        member_from_s=0.0 if recognised_at_once else begin + chance.uniform(-2, 5),
        height_px=(chance.choice([60.0, 100.0]), chance.choice([60.0, 180.0])),
        left_px=chance.choice([10.0, 300.0, 300.0]),
    )


def cameras(chance: Random, *, recognised_at_once: bool = False) -> list[FaceObservations]:
    """Events of one or two cameras of the stand, in order; tracks of the two never share a name."""
    made: list[FaceObservations] = []
    for name in chance.choice(["x", "xy"]):
        people = [
            person(chance, name, recognised_at_once=recognised_at_once) for _ in range(chance.randrange(1, 7))
        ]
        unique = tuple({each.track: each for each in people}.values())
        period = chance.choice([0.1, 0.3, 0.7])
        made += frames("s", Camera(camera=name, to_s=35.0, period_s=period, people=unique))
    noisy = [_noisy(event, chance) for event in made]
    return sorted(noisy, key=lambda event: (event.t_us, event.camera_id))


def _noisy(event: FaceObservations, chance: Random) -> FaceObservations:
    """Faces that blink, turn, age and make a face from one frame to the next."""
    faces = [_noisy_face(face, chance) for face in event.faces if chance.random() < 0.97]
    return msgspec.structs.replace(event, faces=tuple(faces))


def _noisy_face(face: FaceObserved, chance: Random) -> FaceObserved:
    pose = face.pose
    if pose is not None and chance.random() < 0.1:
        pose = chance.choice([None, msgspec.structs.replace(pose, yaw_deg=25.0)])
    scores = [chance.random() for _ in EXPRESSIONS]
    age_years = face.age_years if chance.random() < 0.95 else 40.0
    return msgspec.structs.replace(
        face,
        pose=pose,
        eyes_open=chance.random() < 0.8,
        expression_scores=tuple(score / sum(scores) for score in scores),
        age_years=age_years,
    )


def plays(chance: Random) -> list[Play]:
    """Plays that may overlap."""
    made = []
    for _ in range(chance.randrange(6)):
        begin = chance.randrange(300) / 10
        length = chance.choice([0.5, 3.0, 7.0, 30.0])
        made.append(play("s", Showing(creative=chance.choice("kl"), from_s=begin, to_s=begin + length)))
    return list({each.play_id: each for each in made}.values())


def recognised(chance: Random) -> list[FaceObservations]:
    """Cameras that know their members from the first sample on."""
    return cameras(chance, recognised_at_once=True)


def streams(chance: Random) -> list[MeasureInput]:
    """Cameras with holes and jumps, and plays, in order of time."""
    holes = [(chance.uniform(0, 35), chance.choice([0.4, 2.0, 6.0])) for _ in range(chance.randrange(3))]
    kept = [e for e in cameras(chance) if not any(a <= e.t_us / US_PER_S < a + b for a, b in holes)]
    jump_us = chance.choice([0, 0, 12, 30, 7200]) * US_PER_S
    after_us = chance.randrange(35) * US_PER_S
    moved = [msgspec.structs.replace(e, t_us=e.t_us + jump_us) if e.t_us >= after_us else e for e in kept]
    return by_time([*moved, *plays(chance)])


def folded(events: Sequence[MeasureInput]) -> list[MeasureOutput]:
    return run("s", events, OPTIONS)[1]


def encoded(facts: Sequence[MeasureOutput]) -> bytes:
    return msgspec.msgpack.encode(facts)


@CI
@given(scenes(streams))
def test_figures_are_ordered(events: list[MeasureInput]) -> None:
    for fact in folded(events):
        if isinstance(fact, WindowClosed):
            _check_window(fact)
        else:
            _check_visit(fact)


def _check_visit(fact: VisitEnded) -> None:
    visit = fact.visit
    assert 0 <= visit.attention_us <= visit.dwell_us <= visit.presence_us <= visit.ended_us - visit.started_us
    assert visit.longest_look_us <= visit.attention_us
    assert visit.engagement is None or 0 <= visit.engagement <= 100
    assert visit.engaged == is_engaged(visit.engagement, visit.attention_us, OPTIONS)
    assert len({exposure.exposure_id for exposure in fact.exposures}) == len(fact.exposures)
    for exposure in fact.exposures:
        assert exposure.attention_us <= exposure.dwell_us <= exposure.presence_us <= visit.presence_us
        assert exposure.attention_us <= visit.attention_us
        assert exposure.looks <= visit.looks
        assert exposure.engaged == is_engaged(exposure.engagement, exposure.attention_us, OPTIONS)
        assert sum(exposure.expression_us) <= exposure.attention_us
        assert sum(exposure.attention_by_second_us) == exposure.attention_us
        assert max(exposure.attention_by_second_us) <= US_PER_S
        assert visit.started_us <= exposure.started_us < exposure.ended_us <= visit.ended_us


def _check_window(window: WindowClosed) -> None:
    assert window.observed_us <= window.end_us - window.start_us
    figures: list[CampaignFigures | AudienceFigures] = [*window.campaigns, *window.audience]
    for each in figures:
        assert each.viewers_2s <= each.viewers_1s <= each.watchers <= each.ots
        assert each.attention_us <= each.dwell_us
        assert each.engaged <= each.viewers_2s
    for segment in window.audience:
        assert segment.dwell_us <= segment.presence_us <= segment.ots * window.observed_us
    for campaign in window.campaigns:
        assert campaign.ots <= sum(segment.ots for segment in window.audience)
        assert campaign.watchers <= sum(segment.watchers for segment in window.audience)
        assert campaign.attention_us <= sum(segment.attention_us for segment in window.audience)
        assert campaign.dwell_us <= sum(segment.dwell_us for segment in window.audience)
        assert campaign.impressions <= campaign.ots * campaign.plays


@CI
@given(scenes(streams))
def test_replaying_gives_equal_bytes(events: list[MeasureInput]) -> None:
    assert encoded(folded(events)) == encoded(folded(events))


@CI
@given(scenes(streams), st.data())
def test_repeated_events_change_nothing(events: list[MeasureInput], data: st.DataObject) -> None:
    doubled: list[MeasureInput] = []
    for event in events:
        doubled.append(event)
        if data.draw(st.integers(0, 9)) == 0:
            doubled.append(doubled[data.draw(st.integers(max(0, len(doubled) - 30), len(doubled) - 1))])
    assert encoded(folded(doubled)) == encoded(folded(events))


@CI
@given(scenes(streams), st.lists(st.floats(0, 1), min_size=1, max_size=3))
def test_going_on_from_a_checkpoint_changes_nothing(events: list[MeasureInput], cuts: list[float]) -> None:
    marks = {int(cut * len(events)) for cut in cuts}
    state = StandState(stand_id="s")
    facts: list[MeasureOutput] = []
    for index, event in enumerate((*events, END)):
        if index in marks:
            state = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=StandState)
        state, more = step(state, event, OPTIONS)
        facts.extend(more)
    assert encoded(facts) == encoded(folded(events))


@CI
@given(scenes(streams), scenes(_itself))
def test_disorder_inside_the_watermark_gives_the_same_final_facts(
    events: list[MeasureInput], chance: Random
) -> None:
    keyed = [(_time_us(event) + chance.randrange(2 * US_PER_S), index) for index, event in enumerate(events)]
    shuffled = [events[index] for _, index in sorted(keyed)]
    assert final(folded(shuffled)) == final(folded(events))


def _time_us(event: MeasureInput) -> int:
    return (
        event.t_us
        if isinstance(event, FaceObservations)
        else event.start_us
        if isinstance(event, Play)
        else 0
    )


@CI
@given(scenes(streams), scenes(_itself))
def test_any_disorder_keeps_versions_and_figures_sound(events: list[MeasureInput], chance: Random) -> None:
    keyed = [(_time_us(event) + chance.randrange(12 * US_PER_S), index) for index, event in enumerate(events)]
    shuffled = [events[index] for _, index in sorted(keyed)]
    known: dict[str, list[MeasureOutput]] = {}
    for fact in folded(shuffled):
        known.setdefault(identity(fact), []).append(fact)
        _check_visit(fact) if isinstance(fact, VisitEnded) else _check_window(fact)
    for versions in known.values():
        assert [_version(fact) for fact in versions] == list(range(1, len(versions) + 1))
        assert all(final([a]) != final([b]) for a, b in pairwise(versions))


def _version(fact: MeasureOutput) -> int:
    return fact.visit.version if isinstance(fact, VisitEnded) else fact.version


@CI
@given(scenes(streams))
def test_an_empty_camera_adds_no_people(events: list[MeasureInput]) -> None:
    idle = frames("s", Camera(camera="idle", to_s=35.0, period_s=0.25))
    before, after = final(folded(events)), final(folded(by_time([*events, *idle])))
    for key, fact in before.items():
        if isinstance(fact, VisitEnded):
            assert after.pop(key) == fact
        else:
            other = after.pop(key)
            assert (other.campaigns, other.audience) == (fact.campaigns, fact.audience)
            assert other.observed_us >= fact.observed_us
    assert all(isinstance(fact, WindowClosed) and not fact.audience for fact in after.values())


@CI
@given(scenes(streams))
def test_other_stands_change_nothing(events: list[MeasureInput]) -> None:
    others = [msgspec.structs.replace(event, stand_id="t") for event in events]
    mixed = [each for pair in zip(events, others, strict=True) for each in pair]
    assert encoded(folded(mixed)) == encoded(folded(events))


@CI
@given(scenes(cameras), st.lists(st.integers(1, 399), max_size=5, unique=True))
def test_plays_that_cover_everything_share_all_attention(
    seen: list[FaceObservations], cuts: list[int]
) -> None:
    marks = [0.0, *(cut / 10 for cut in sorted(cuts)), 40.0]
    shown = [
        play("s", Showing(creative="kl"[index % 2], from_s=begin, to_s=end))
        for index, (begin, end) in enumerate(pairwise(marks))
    ]
    facts = list(final(folded(by_time([*shown, *seen]))).values())
    for fact in visits_of(facts):
        assert sum(each.attention_us for each in fact.exposures) == fact.visit.attention_us
        assert sum(each.presence_us for each in fact.exposures) == fact.visit.presence_us
    for window in windows_of(facts):
        attention = sum(segment.attention_us for segment in window.audience)
        assert sum(campaign.attention_us for campaign in window.campaigns) == attention


@CI
@given(scenes(recognised))
def test_windows_add_up_to_the_visits(seen: list[FaceObservations]) -> None:
    facts = list(final(folded(seen)).values())
    segments = [segment for window in windows_of(facts) for segment in window.audience]
    visits = [fact.visit for fact in visits_of(facts)]
    assert sum(s.attention_us for s in segments) == sum(v.attention_us for v in visits)
    assert sum(s.presence_us for s in segments) == sum(v.presence_us for v in visits)
    for window in windows_of(facts):
        inside = [v for v in visits if v.started_us < window.end_us and window.start_us < v.ended_us]
        assert sum(segment.ots for segment in window.audience) <= len(inside)


@CI
@given(scenes(cameras), scenes(plays))
def test_an_impression_counts_in_one_window_only(seen: list[FaceObservations], shown: list[Play]) -> None:
    for creative in "kl":
        mine = [each for each in shown if each.creative_id == creative]
        facts = list(final(folded(by_time([*mine, *(_early(event) for event in seen)]))).values())
        counted = sum(c.impressions for window in windows_of(facts) for c in window.campaigns)
        exposures = [each for fact in visits_of(facts) for each in fact.exposures]
        assert counted == sum(exposure.impression for exposure in exposures)


def _early(event: FaceObservations) -> FaceObservations:
    """Nobody recognised: a visit joined late is counted twice in windows that were closed for good."""
    faces = tuple(msgspec.structs.replace(face, member_id=None) for face in event.faces)
    return msgspec.structs.replace(event, faces=faces)


@CI
@given(scenes(streams))
def test_a_step_leaves_the_old_state_valid(events: list[MeasureInput]) -> None:
    state = StandState(stand_id="s")
    for event in events[: len(events) // 2]:
        state, _ = step(state, event, OPTIONS)
    before = msgspec.msgpack.encode(state)
    following = [step(state, event, OPTIONS) for event in (*events[len(events) // 2 :][:5], END)]
    assert msgspec.msgpack.encode(state) == before
    assert all(
        step(state, event, OPTIONS) == result
        for event, result in zip((*events[len(events) // 2 :][:5], END), following, strict=True)
    )
