"""Looking: entered within 20 degrees, left beyond 30; eyes closed for long end it; blinks do not."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from processors.gaze import Gaze, Looking
from processors.measure.attention import Attended, attend
from processors.measure.samples import Sample, sample_of
from processors.thresholds import MeasureOptions, StandOptions
from schemas.events import FaceObservations, FaceObserved, Pose
from schemas.ids import derive_id


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a face in one frame."""

    gap_us: int
    """Since the frame before."""
    pose: Pose
    eyes_open: bool | None


def yaw(yaw_deg: float) -> Pose:
    return Pose(yaw_deg=yaw_deg, pitch_deg=0, roll_deg=0)


def gazes(frames: list[Frame], options: MeasureOptions) -> list[Gaze]:
    """What OBSERVE says of each frame."""
    found, looking, gaze, t_us = [], Looking(options), Gaze(), 0
    for number, frame in enumerate(frames):
        t_us += frame.gap_us
        gap_us = frame.gap_us if number else 0
        gaze = looking.next_gaze(gaze, frame.pose, frame.eyes_open, stand_id="s", t_us=t_us, gap_us=gap_us)
        found.append(gaze)
    return found


def gaze_after(yaws: list[float], *, options: MeasureOptions | None = None, open_eyes: bool = True) -> Gaze:
    frames = [Frame(gap_us=100_000, pose=yaw(each), eyes_open=open_eyes) for each in yaws]
    return gazes(frames, options or MeasureOptions())[-1]


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
    assert gaze_after([0] * 4, open_eyes=False).looking
    assert not gaze_after([0] * 5, open_eyes=False).looking, "0.4 s after they closed"


def test_intel_is_the_plain_limit() -> None:
    intel = MeasureOptions(looking="intel")
    assert gaze_after([22], options=intel, open_eyes=False).looking
    assert not gaze_after([0, 23], options=intel).looking


def counted(frames: list[Frame], options: MeasureOptions) -> list[bool]:
    """Whether MEASURE counts the instant of each frame: a sample 1 us later shows what holds from it on."""
    t_us, samples, found = 0, [], []
    for frame in frames:
        t_us += frame.gap_us
        samples.append(sample(frame, t_us, options))
        later = msgspec.structs.replace(samples[-1], t_us=t_us + 1)
        done, after = attend(Attended(), [*samples, later], options)
        last = after.run or done[-1]
        assert last.start_us <= t_us < last.end_us
        found.append(last.attending)
    return found


def sample(frame: Frame, t_us: int, options: MeasureOptions) -> Sample:
    face = FaceObserved(
        track_id=derive_id("track", 1),
        box_px=(0, 0, 10, 10),
        score=1,
        quality=1,
        pose=frame.pose,
        eyes_open=frame.eyes_open,
    )
    observations = FaceObservations(
        observation_id=derive_id("frame", t_us),
        stand_id="s",
        camera_id="c",
        frame_index=0,
        t_us=t_us,
        width_px=100,
        height_px=100,
        faces=(face,),
    )
    return sample_of(face, observations, options)


frame = st.builds(
    Frame,
    gap_us=st.sampled_from([1, 33_333, 100_000, 399_999, 400_000, 500_000, 500_001, 900_000, 1_100_000]),
    pose=st.builds(yaw, st.sampled_from([0.0, 20.0, 22.5, 25.0, 30.0, 31.0])),
    eyes_open=st.sampled_from([True, False, False, None]),
)


@given(
    st.lists(frame, min_size=1, max_size=20),
    st.sampled_from([MeasureOptions(), MeasureOptions(looking="intel"), MeasureOptions(max_gap_s=0.1)]),
)
def test_observe_shows_what_measure_counts(frames: list[Frame], options: MeasureOptions) -> None:
    assert [gaze.looking for gaze in gazes(frames, options)] == counted(frames, options)
