"""Tracks: who is who from frame to frame, through gaps and past each other."""

from processors.observe.perception.mesh import Region
from processors.observe.tracking import (
    Sighting,
    Track,
    TrackingOptions,
    continued,
    expected_box,
    first_double,
    match,
    still_hidden,
)
from processors.vision.boxes import Box
from schemas.ids import derive_id

OPTIONS = TrackingOptions()
REGION = Region(x_px=0, y_px=0, side_px=1, angle_rad=0)


def track(number: int, box: Box, *, t_us: int = 0, samples: int = 1) -> Track:
    return Track(
        track_id=derive_id("track", number),
        number=number,
        box_px=box,
        region=REGION,
        first_us=0,
        seen_us=t_us,
        score=0.9,
        samples=samples,
    )


def walking(number: int, boxes: list[Box]) -> Track:
    """A track that was seen at these places, ten times a second."""
    walked = track(number, boxes[0])
    for i, box in enumerate(boxes[1:], start=1):
        walked = continued(walked, Sighting(box_px=box, region=REGION, score=0.9), i * 100_000)
    return walked


def test_a_face_that_walks_is_expected_where_it_walks_to() -> None:
    walked = walking(1, [(x, 0, 40, 40) for x in range(0, 100, 10)])
    assert walked.velocity_px_s[0] > 95
    left = expected_box(walked, walked.seen_us + 500_000)[0]
    assert 130 < left <= 140


def test_two_faces_that_cross_keep_their_tracks() -> None:
    to_right = walking(1, [(x, 0, 40, 40) for x in range(0, 100, 10)])
    to_left = walking(2, [(200 - x, 0, 40, 40) for x in range(0, 100, 10)])
    half_a_second_later: list[Box] = [(60, 0, 40, 40), (140, 0, 40, 40)]
    pairs = match([to_right, to_left], half_a_second_later, to_right.seen_us + 500_000, OPTIONS)
    assert dict(pairs) == {0: 1, 1: 0}, "the one on the right now is the one that walked to the right"


def test_a_face_far_away_is_another_face() -> None:
    assert match([track(1, (0, 0, 40, 40))], [(200, 0, 40, 40)], 100_000, OPTIONS) == ()


def test_a_face_may_be_further_off_the_longer_it_was_hidden() -> None:
    hidden, box = track(1, (0, 0, 40, 40)), (60, 0, 40, 40)
    assert match([hidden], [box], 100_000, OPTIONS) == ()
    assert match([hidden], [box], 1_000_000, OPTIONS) == ((0, 0),)


def test_a_hidden_face_is_forgotten_after_its_time() -> None:
    hidden = track(1, (0, 0, 40, 40), t_us=0)
    assert still_hidden([hidden], 1_500_000, OPTIONS) == (hidden,)
    assert still_hidden([hidden], 1_500_001, OPTIONS) == ()


def test_two_tracks_on_one_face_are_found_the_longer_first() -> None:
    longer, shorter = track(1, (0, 0, 40, 40), samples=9), track(2, (2, 2, 40, 40), samples=2)
    beside = track(3, (50, 0, 40, 40))
    assert first_double([shorter, beside, longer]) == (2, 0)
    assert first_double([shorter, beside]) is None


def test_continuing_a_track_leaves_the_old_value_as_it_was() -> None:
    before = track(1, (0, 0, 40, 40))
    after = continued(before, Sighting(box_px=(10, 0, 40, 40), region=REGION, score=0.8), 100_000)
    assert before.box_px == (0, 0, 40, 40)
    assert before.samples == 1
    assert after.samples == 2
    assert after.track_id == before.track_id
