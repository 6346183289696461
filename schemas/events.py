"""The events that travel between stages: frozen values, missing is None, times in microseconds UTC."""

from typing import Literal
from uuid import UUID

import msgspec

METRIC_VERSION = "1"
"""Version of the formulas in docs/metrics.md; a change of any formula or default raises it.

Figures made with other thresholds carry `MeasureOptions.metric_version`: this and a digest of them.
"""

EXPRESSIONS = ("neutral", "happy", "sad", "angry", "fear", "disgust", "surprise")
"""Expression labels, in the order of every score tuple."""

GenderLabel = Literal["female", "male"]
PictureEncoding = Literal["jpeg", "png"]


class Pose(msgspec.Struct, frozen=True, kw_only=True):
    """Head pose in degrees.

    yaw > 0: turned to the person's own left; pitch > 0: looking up; roll > 0: the head is tilted clockwise
    as the camera sees it (towards the person's own left shoulder).
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float


class FaceObserved(msgspec.Struct, frozen=True, kw_only=True):
    """One tracked face in one frame. Neither pixels nor template.

    `age_years`, `female_probability` and `member_id` are the track's best estimates so far (aggregated by
    OBSERVE), None while unknown. `expression_scores` follows `EXPRESSIONS`, None when not estimated for this
    track yet or when the models' limits are exceeded (face too small or turned too far).
    """

    track_id: UUID
    box_px: tuple[float, float, float, float]
    """left, top, width, height."""
    score: float
    quality: float
    pose: Pose | None = None
    eyes_open: bool | None = None
    expression_scores: tuple[float, ...] | None = None
    age_years: float | None = None
    female_probability: float | None = None
    member_id: str | None = None
    similarity: float | None = None


class FaceObservations(msgspec.Struct, frozen=True, kw_only=True):
    """What one camera saw in one frame; sent also when nobody is there: it is the clock."""

    observation_id: UUID
    stand_id: str
    camera_id: str
    frame_index: int
    t_us: int
    width_px: int
    height_px: int
    faces: tuple[FaceObserved, ...] = ()
    model_version: str = ""


class Play(msgspec.Struct, frozen=True, kw_only=True):
    """Proof of play: one showing of one creative on one stand during [start_us, end_us)."""

    play_id: UUID
    stand_id: str
    campaign_id: str
    creative_id: str
    start_us: int
    end_us: int


class StreamEnded(msgspec.Struct, frozen=True, kw_only=True):
    """The stand's sources have ended: everything open is to be closed as of the last event."""

    stand_id: str


class FrameCaptured(msgspec.Struct, frozen=True, kw_only=True):
    """One picture of one camera on its way to OBSERVE: the only event with a picture."""

    stand_id: str
    camera_id: str
    frame_index: int
    t_us: int
    """Event time, microseconds UTC."""
    width_px: int
    height_px: int
    encoding: PictureEncoding
    picture: bytes

    def __repr__(self) -> str:
        return f"FrameCaptured({self.stand_id}/{self.camera_id} #{self.frame_index} at {self.t_us} us)"


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A message that could not be handled, set aside with its bytes."""

    letter_id: UUID
    service: str
    """Who set it aside: `observe`, `measure` or `sink`."""
    cause: str
    """One of the words that counters use, for example `truncated` or `unknown_schema`."""
    detail: str
    topic: str
    """Where it came from, as the broker names it."""
    partition: int
    offset: int
    failed_us: int
    """Wall clock when it was set aside, microseconds UTC."""
    key: bytes | None
    value: bytes | None

    def __repr__(self) -> str:
        return f"DeadLetter({self.cause} {self.topic}:{self.partition}:{self.offset})"


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One presence of one person at one stand (a fact; a higher version replaces a lower one)."""

    visit_id: UUID
    stand_id: str
    started_us: int
    ended_us: int
    presence_us: int
    dwell_us: int
    attention_us: int
    looks: int
    longest_look_us: int
    time_to_first_look_us: int | None
    engagement: float | None
    engaged: bool
    """Score and attention reach the thresholds: decided here once, for every figure."""
    expression: str | None
    """Label with the largest share of looking time."""
    valence: float | None
    age_years: float | None
    gender: GenderLabel | None
    member_id: str | None
    model_version: str
    metric_version: str
    version: int


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """One visit x one play: what happened inside [play start, play end)."""

    exposure_id: UUID
    visit_id: UUID
    play_id: UUID
    stand_id: str
    campaign_id: str
    creative_id: str
    play_start_us: int
    play_end_us: int
    started_us: int
    ended_us: int
    presence_us: int
    dwell_us: int
    attention_us: int
    looks: int
    impression: bool
    impression_weight: float
    """Duration-weighted impression: min(1, presence / creative length)."""
    engagement: float | None
    engaged: bool
    expression_us: tuple[int, ...]
    """Looking time per label of `EXPRESSIONS`, only samples inside the models' limits."""
    valence: float | None
    valence_reaction: float | None
    attention_by_second_us: tuple[int, ...]
    """Attention falling in second k of the creative: the retention curve."""
    age_years: float | None
    gender: GenderLabel | None
    member_id: str | None
    model_version: str
    metric_version: str
    version: int


class VisitEnded(msgspec.Struct, frozen=True, kw_only=True):
    """A visit with all its exposures, written as one fact; a higher version replaces the whole."""

    visit: Visit
    exposures: tuple[Exposure, ...]


class CampaignFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one creative on one stand in one window, over its plays inside the window."""

    campaign_id: str
    creative_id: str
    plays: int
    ots: int
    watchers: int
    viewers_1s: int
    viewers_2s: int
    impressions: int
    attention_us: int
    dwell_us: int
    engaged: int
    engagement_mean: float | None


class AudienceFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Unscoped figures of one audience segment (age band x gender) at one stand in one window."""

    age_band: str | None
    gender: GenderLabel | None
    ots: int
    watchers: int
    viewers_1s: int
    viewers_2s: int
    attention_us: int
    dwell_us: int
    presence_us: int
    engaged: int


class WindowClosed(msgspec.Struct, frozen=True, kw_only=True):
    """One window of one stand, [start_us, end_us); a higher version replaces the whole."""

    window_id: UUID
    stand_id: str
    start_us: int
    end_us: int
    observed_us: int
    """Time inside the window during which a camera reported: the denominator of occupancy."""
    campaigns: tuple[CampaignFigures, ...]
    audience: tuple[AudienceFigures, ...]
    model_version: str
    metric_version: str
    version: int


MeasureInput = FaceObservations | Play | StreamEnded
MeasureOutput = VisitEnded | WindowClosed
Event = FrameCaptured | FaceObservations | StreamEnded | Play | VisitEnded | WindowClosed | DeadLetter
"""Everything that a topic may carry."""
