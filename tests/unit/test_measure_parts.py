"""The small parts of MEASURE: gaze, zones, attention, stacking, sums, scores and bands."""

import math

import pytest

from processors.gaze import AWAY, NEAR, TOWARDS, gaze_class
from processors.measure.attention import Attended, attend
from processors.measure.engagement import engagement, is_engaged
from processors.measure.samples import Sample, in_zone, sample_of
from processors.measure.segments import Segment, clip, stack, union
from processors.measure.totals import Totals, growth, instant_of, mean_valence, totals_of
from processors.measure.visits import age_band, gender_of
from processors.thresholds import MeasureOptions, StandOptions
from schemas.events import EXPRESSIONS, FaceObserved, Pose
from schemas.ids import derive_id
from tests.replay.measure_scenes import observation

OPTIONS = MeasureOptions()
MS = 1_000
NONE = (0,) * len(EXPRESSIONS)


def pose(yaw_deg: float, pitch_deg: float = 0.0) -> Pose:
    return Pose(yaw_deg=yaw_deg, pitch_deg=pitch_deg, roll_deg=0.0)


def sample(
    t_ms: int, *, gaze: int = TOWARDS, closed: bool = False, inside: bool = True, height_px: float = 100.0
) -> Sample:
    return Sample(t_ms * MS, gaze, closed, inside, height_px, None, None, None, None, None)


def attended_ms(samples: list[Sample]) -> list[tuple[int, int]]:
    done, after = attend(Attended(), samples, OPTIONS)
    segments = [*done, *([after.run] if after.run is not None else [])]
    spans = union([(s.start_us, s.end_us) for s in segments if s.attending])
    return [(start // MS, end // MS) for start, end in spans]


def segment(
    start_s: float,
    end_s: float,
    *,
    attending: bool = True,
    valence: float | None = None,
    in_zone: bool = True,
) -> Segment:
    start, end = round(start_s * 1e6), round(end_s * 1e6)
    integral = None if valence is None else valence * (end - start)
    expression = None if valence is None else 1
    return Segment(start, end, attending, in_zone or attending, expression, integral, 100.0, 200.0)


@pytest.mark.parametrize(
    ("face", "expected"),
    [
        (pose(0), TOWARDS),
        (pose(20, -20), TOWARDS),
        (pose(20.1), NEAR),
        (pose(-30), NEAR),
        (pose(0, 30.1), AWAY),
        (pose(math.nan), AWAY),
        (None, AWAY),
    ],
)
def test_gaze_has_an_entering_and_a_leaving_limit(face: Pose | None, expected: int) -> None:
    assert gaze_class(face, "s", OPTIONS) == expected


def test_gaze_is_relative_to_the_bearing_of_the_screen() -> None:
    options = MeasureOptions(stands={"s": StandOptions(bearing_yaw_deg=40, bearing_pitch_deg=-10)})
    assert gaze_class(pose(40, -10), "s", options) == TOWARDS
    assert gaze_class(pose(0), "s", options) == AWAY
    assert gaze_class(pose(0), "other", options) == TOWARDS


def test_intel_mode_is_one_plain_limit() -> None:
    options = MeasureOptions(looking="intel")
    assert gaze_class(pose(22.5, 22.5), "s", options) == TOWARDS
    assert gaze_class(pose(22.6), "s", options) == AWAY


@pytest.mark.parametrize(
    ("point", "inside"), [((0.5, 0.5), True), ((0.2, 0.5), True), ((0.1, 0.5), False), ((0.5, 0.95), False)]
)
def test_a_rectangle_is_two_opposite_corners(point: tuple[float, float], inside: bool) -> None:
    assert in_zone(point, ((0.9, 0.1), (0.2, 0.9))) is inside


@pytest.mark.parametrize(("point", "inside"), [((0.2, 0.2), True), ((0.6, 0.6), False), ((0.9, 0.05), True)])
def test_a_polygon_is_its_corners_in_order(point: tuple[float, float], inside: bool) -> None:
    assert in_zone(point, ((0, 0), (1, 0), (0, 1))) is inside


def test_looking_leaves_later_than_it_enters() -> None:
    gazes = [NEAR, TOWARDS, NEAR, NEAR, AWAY, NEAR]
    samples = [sample(100 * index, gaze=gaze) for index, gaze in enumerate(gazes)]
    assert attended_ms(samples) == [(100, 400)]


def test_a_blink_goes_on_looking_and_closed_eyes_end_it() -> None:
    closed = [False, True, True, False, True, True, True, True, True, True, False, False]
    samples = [sample(100 * index, closed=eyes) for index, eyes in enumerate(closed)]
    assert attended_ms(samples) == [(0, 800), (1000, 1100)]


def test_a_state_holds_half_a_second_and_a_long_gap_holds_nothing() -> None:
    assert attended_ms([sample(0), sample(500), sample(1300), sample(1400)]) == [(0, 1000), (1300, 1400)]
    assert attended_ms([sample(0), sample(1001), sample(1101)]) == [(1001, 1101)]


def test_hysteresis_does_not_survive_the_unknown() -> None:
    assert attended_ms([sample(0), sample(600, gaze=NEAR), sample(700)]) == [(0, 500)]


def test_looking_counts_only_inside_the_zone() -> None:
    samples = [sample(0), sample(100, inside=False), sample(200), sample(300)]
    assert attended_ms(samples) == [(0, 100), (200, 300)]


def test_attention_in_two_parts_is_attention_at_once() -> None:
    gazes = [TOWARDS, NEAR, AWAY]
    samples = [sample(130 * i, gaze=gazes[i * i % 3], closed=i % 7 > 3, height_px=i) for i in range(60)]
    whole, end = attend(Attended(), samples, OPTIONS)
    for cut in range(len(samples)):
        first, between = attend(Attended(), samples[:cut], OPTIONS)
        second, after = attend(between, samples[cut:], OPTIONS)
        assert (first + second, after) == (whole, end)


def test_expression_needs_a_large_face_that_is_not_turned_far() -> None:
    scores = tuple(0.7 if label == "happy" else 0.05 for label in EXPRESSIONS)

    def expression(yaw_deg: float, side_px: float) -> tuple[int | None, float | None]:
        face = FaceObserved(
            track_id=derive_id("test"),
            box_px=(0, 0, side_px, side_px),
            score=1,
            quality=1,
            pose=pose(yaw_deg),
            expression_scores=scores,
        )
        made = sample_of(face, observation("s", "c", 0), OPTIONS)
        return made.expression, made.valence

    label, valence = expression(45, 64)
    assert label == EXPRESSIONS.index("happy")
    assert valence == pytest.approx(0.7 - 4 * 0.05)
    assert expression(45.1, 64) == (None, None)
    assert expression(45, 63.9) == (None, None)


def test_stacked_timelines_take_the_richest_state_once() -> None:
    first = [segment(0, 4, attending=False), segment(4, 6)]
    second = [segment(2, 5, valence=0.5), segment(8, 9, attending=False, in_zone=False)]
    stacked = stack([first, second])
    assert [(s.start_us, s.end_us, s.attending) for s in stacked] == [
        (0, 2_000_000, False),
        (2_000_000, 4_000_000, True),
        (4_000_000, 5_000_000, True),
        (5_000_000, 6_000_000, True),
        (8_000_000, 9_000_000, False),
    ]
    totals = totals_of(stacked, OPTIONS)
    assert (totals.presence_us, totals.dwell_us, totals.attention_us) == (7_000_000, 6_000_000, 4_000_000)


def test_a_cut_keeps_the_share_of_valence_and_the_height_between() -> None:
    (piece,) = clip([segment(0, 4, valence=-0.5)], 1_000_000, 2_000_000)
    assert piece.valence_us == -500_000
    assert (piece.height_start_px, piece.height_end_px) == (125.0, 150.0)
    assert clip([segment(0, 4)], 4_000_000, 5_000_000) == []


def test_a_look_lasts_at_least_a_fixation() -> None:
    timeline = [segment(0, 0.199), segment(1, 1.2), segment(1.2, 1.3), segment(2, 2.1)]
    totals = totals_of(timeline, OPTIONS)
    assert totals.looks == ((1_000_000, 1_300_000),)
    assert totals.attention_us == 599_000


def test_dwell_is_for_watchers() -> None:
    assert totals_of([segment(0, 5, attending=False)], OPTIONS).dwell_us == 0
    assert totals_of([segment(0, 5, attending=False), segment(5, 6)], OPTIONS).dwell_us == 6_000_000


def test_valence_needs_support() -> None:
    assert mean_valence([segment(0, 0.4, valence=1.0)], OPTIONS) is None
    assert mean_valence([segment(0, 1, valence=1.0), segment(1, 4, valence=-1.0)], OPTIONS) == -0.5


def test_approach_is_growth_between_none_and_twofold() -> None:
    assert growth([segment(0, 1)]) == 1.0
    assert growth(clip([segment(0, 1)], 500_000, 1_000_000)) == pytest.approx(1 / 3)
    assert growth([]) is None


def test_presence_is_reached_over_holes() -> None:
    assert instant_of([segment(0, 0.6), segment(5, 6)], 1_000_000) == 5_400_000
    assert instant_of([segment(0, 0.6)], 1_000_000) is None


def totals(*, attention_s: float, dwell_s: float, valence: float | None = None) -> Totals:
    dwell_us, attention_us = round(dwell_s * 1e6), round(attention_s * 1e6)
    return Totals(
        presence_us=dwell_us,
        dwell_us=dwell_us,
        attention_us=attention_us,
        looks=(),
        expression_us=NONE,
        valence=valence,
    )


@pytest.mark.parametrize(
    ("made", "approach", "baseline", "expected"),
    [
        (totals(attention_s=5, dwell_s=10, valence=0.8), 0.5, 0.2, 61.5),
        (totals(attention_s=5, dwell_s=10), 0.5, 0.2, 61.76),
        (totals(attention_s=5, dwell_s=10, valence=0.8), None, None, 64.29),
        (totals(attention_s=20, dwell_s=20, valence=1.0), 1.0, -1.0, 100.0),
        (totals(attention_s=0, dwell_s=0), 1.0, None, None),
    ],
)
def test_engagement_leaves_out_what_is_missing(
    made: Totals, approach: float | None, baseline: float | None, expected: float | None
) -> None:
    assert engagement(made, approach=approach, baseline=baseline, options=OPTIONS) == expected


def test_engaged_needs_score_and_attention() -> None:
    assert is_engaged(50.0, 2_000_000, OPTIONS)
    assert not is_engaged(49.99, 2_000_000, OPTIONS)
    assert not is_engaged(50.0, 1_999_999, OPTIONS)
    assert not is_engaged(None, 9_000_000, OPTIONS)


@pytest.mark.parametrize(
    ("age_years", "band"),
    [
        (None, None),
        (0, "0-12"),
        (12.9, "0-12"),
        (13, "13-17"),
        (18, "18-24"),
        (25, "25-34"),
        (35, "35-44"),
        (45, "45-54"),
        (55, "55-64"),
        (64.9, "55-64"),
        (65, "65+"),
    ],
)
def test_age_bands(age_years: float | None, band: str | None) -> None:
    assert age_band(age_years) == band


@pytest.mark.parametrize(("probability", "label"), [(None, None), (0.5, "female"), (0.49, "male")])
def test_gender_is_the_more_probable_label(probability: float | None, label: str | None) -> None:
    assert gender_of(probability) == label
