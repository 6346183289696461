"""One of every kind of event, with what is easily lost on the way: extremes, missing values, odd floats."""

from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from schemas.events import (
    AudienceFigures,
    CampaignFigures,
    DeadLetter,
    Exposure,
    FaceObservations,
    FaceObserved,
    FrameCaptured,
    Play,
    Pose,
    StreamEnded,
    Visit,
    VisitEnded,
    WindowClosed,
)
from schemas.kinds import kinds

T_US = 1_770_026_400_000_001
LATEST_US = 10_413_791_999_999_999
"""2299-12-31 23:59:59.999999 UTC."""
MOST = 2**63 - 1


def ident(number: int) -> UUID:
    return UUID(int=number)


FACE = FaceObserved(
    track_id=ident(7),
    box_px=(-1.5, 0.1, 5e-324, 1e9),
    score=0.1 + 0.2,
    quality=0.7,
    pose=Pose(yaw_deg=-0.0, pitch_deg=2.0, roll_deg=3.0),
    eyes_open=False,
    expression_scores=(0.1, 0.2, 0.3, 0.1, 0.1, 0.1, 0.1),
    age_years=33.3,
    female_probability=1.0,
    member_id="Zoë van der Berg",
    similarity=-0.25,
)
STRANGER = FaceObserved(track_id=ident(2**128 - 1), box_px=(0.0, 0.0, 1.0, 1.0), score=1.0, quality=0.0)
OBSERVATIONS = FaceObservations(
    observation_id=ident(1),
    stand_id="stand-1",
    camera_id="camera-1",
    frame_index=MOST,
    t_us=LATEST_US,
    width_px=1280,
    height_px=720,
    faces=(FACE, STRANGER),
    model_version="models-1",
)
PLAY = Play(
    play_id=ident(3), stand_id="stand-1", campaign_id="coffee", creative_id="b.1", start_us=0, end_us=T_US
)
VISIT = Visit(
    visit_id=ident(4),
    stand_id="stand-1",
    started_us=T_US,
    ended_us=T_US + 10_000_000,
    presence_us=MOST,
    dwell_us=10_000_000,
    attention_us=0,
    looks=2**32 - 1,
    longest_look_us=0,
    time_to_first_look_us=None,
    engagement=None,
    engaged=False,
    expression=None,
    valence=None,
    age_years=None,
    gender=None,
    member_id=None,
    model_version="",
    metric_version="1",
    version=1,
)
EXPOSURE = Exposure(
    exposure_id=ident(5),
    visit_id=ident(4),
    play_id=ident(3),
    stand_id="stand-1",
    campaign_id="coffee",
    creative_id="b.1",
    play_start_us=T_US,
    play_end_us=T_US + 3_000_000,
    started_us=T_US,
    ended_us=T_US + 3_000_000,
    presence_us=3_000_000,
    dwell_us=3_000_000,
    attention_us=1_500_000,
    looks=1,
    impression=True,
    impression_weight=1.0,
    engagement=61.7,
    engaged=True,
    expression_us=(0, 1_500_000, 0, 0, 0, 0, 0),
    valence=0.9,
    valence_reaction=-0.1,
    attention_by_second_us=(1_000_000, 500_000, 0),
    age_years=41.0,
    gender="female",
    member_id="Zoë van der Berg",
    model_version="models-1",
    metric_version="1+abc",
    version=1,
)
VISIT_ENDED = VisitEnded(visit=VISIT, exposures=(EXPOSURE, EXPOSURE))
CAMPAIGN = CampaignFigures(
    campaign_id="coffee",
    creative_id="b.1",
    plays=6,
    ots=5,
    watchers=4,
    viewers_1s=3,
    viewers_2s=2,
    impressions=5,
    attention_us=MOST,
    dwell_us=0,
    engaged=1,
    engagement_mean=None,
)
AUDIENCE = AudienceFigures(
    age_band="25-34",
    gender=None,
    ots=5,
    watchers=4,
    viewers_1s=3,
    viewers_2s=2,
    attention_us=1,
    dwell_us=2,
    presence_us=3,
    engaged=1,
)
WINDOW = WindowClosed(
    window_id=ident(6),
    stand_id="stand-1",
    start_us=T_US,
    end_us=T_US + 60_000_000,
    observed_us=59_900_000,
    campaigns=(CAMPAIGN,),
    audience=(AUDIENCE,),
    model_version="models-1",
    metric_version="1",
    version=2,
)
FRAME = FrameCaptured(
    stand_id="stand-1",
    camera_id="camera-1",
    frame_index=0,
    t_us=T_US,
    width_px=640,
    height_px=480,
    encoding="jpeg",
    picture=bytes(range(256)),
)
LETTER = DeadLetter(
    letter_id=ident(8),
    service="sink",
    cause="truncated",
    detail="The VisitEnded ends too early.",
    topic="site.visits.v1",
    partition=2**31 - 1,
    offset=MOST,
    failed_us=T_US,
    key=None,
    value=b"",
)


BY_HAND = (FRAME, OBSERVATIONS, StreamEnded(stand_id="stand-1"), PLAY, VISIT_ENDED, WINDOW, LETTER)
PLAIN = {bool: True, int: 1, float: 0.5, str: "a", bytes: b"\xff", UUID: ident(9)}


def samples() -> tuple[Any, ...]:
    """One of every kind; a kind that has none by hand has a plain one."""
    return (
        *BY_HAND,
        *(plain(k.event) for k in kinds().all if k.event not in {type(event) for event in BY_HAND}),
    )


def plain(hint: Any) -> Any:
    """A value of a type, alike for each field of the same type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return plain(next(part for part in arguments if part is not type(None)))
    if origin is tuple:
        return (plain(arguments[0]),)
    if origin is Literal:
        return arguments[0]
    if hint in PLAIN:
        return PLAIN[hint]
    return hint(**{name: plain(part) for name, part in get_type_hints(hint).items()})
