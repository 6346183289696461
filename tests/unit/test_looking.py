"""Looking: entered within 20 degrees, left beyond 30; eyes closed for long end it; blinks do not."""

from processors.observe.looking import Gaze, next_gaze
from processors.thresholds import MeasureOptions, StandOptions
from schemas.events import Pose


def gaze_after(yaws: list[float], *, options: MeasureOptions | None = None, open_eyes: bool = True) -> Gaze:
    gaze = Gaze()
    for i, yaw in enumerate(yaws):
        pose = Pose(yaw_deg=yaw, pitch_deg=0, roll_deg=0)
        gaze = next_gaze(
            gaze, pose, open_eyes, stand_id="s", t_us=i * 100_000, options=options or MeasureOptions()
        )
    return gaze


def test_a_frontal_face_looks_and_a_profile_does_not() -> None:
    assert gaze_after([0]).looking
    assert not gaze_after([60]).looking


def test_between_the_limits_it_stays_as_it_was() -> None:
    assert not gaze_after([25]).looking
    assert gaze_after([15, 25]).looking
    assert not gaze_after([15, 31, 25]).looking


def test_the_screen_may_be_beside_the_camera() -> None:
    beside = MeasureOptions(stands={"s": StandOptions(bearing_yaw_deg=40)})
    assert gaze_after([40], options=beside).looking
    assert not gaze_after([0], options=beside).looking


def test_a_blink_does_not_end_a_look_but_closed_eyes_do() -> None:
    assert gaze_after([0] * 5, open_eyes=False).looking
    assert not gaze_after([0] * 6, open_eyes=False).looking


def test_intel_is_the_plain_limit() -> None:
    intel = MeasureOptions(looking="intel")
    assert gaze_after([22], options=intel, open_eyes=False).looking
    assert not gaze_after([0, 23], options=intel).looking
