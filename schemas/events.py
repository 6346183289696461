"""The events that travel between stages: frozen values, missing is None, times in microseconds UTC."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec

from schemas.bounds import (
    MOST_FACES,
    Count,
    DurationUs,
    Id,
    InstantUs,
    Label,
    MemberId,
    Number,
    SecondUs,
    SizePx,
    SmallCount,
    Whole32,
    Words,
)

METRIC_VERSION = "1"
"""Version of the formulas in docs/metrics.md; a change of any formula or default raises it.

Figures made with other thresholds carry `MeasureOptions.metric_version`: this and a digest of them.
"""

EXPRESSIONS = ("neutral", "happy", "sad", "angry", "fear", "disgust", "surprise")
"""Expression labels, in the order of every score tuple."""

Shares = Annotated[tuple[Number, ...], msgspec.Meta(min_length=7, max_length=7)]
"""One number a label of `EXPRESSIONS`."""
GenderLabel = Literal["female", "male"]
PictureEncoding = Literal["jpeg", "png"]


class Pose(msgspec.Struct, frozen=True, kw_only=True):
    """Head pose in degrees.

    yaw > 0: turned to the person's own left; pitch > 0: looking up; roll > 0: the head is tilted clockwise
    as the camera sees it (towards the person's own left shoulder).
    """

    yaw_deg: Number
    pitch_deg: Number
    roll_deg: Number


class FaceObserved(msgspec.Struct, frozen=True, kw_only=True):
    """One tracked face in one frame. Neither pixels nor template.

    `age_years`, `female_probability` and `member_id` are the track's best estimates so far (aggregated by
    OBSERVE), None while unknown. `expression_scores` follows `EXPRESSIONS`, None when not estimated for this
    track yet or when the models' limits are exceeded (face too small or turned too far).
    """

    track_id: UUID
    box_px: tuple[Number, Number, Number, Number]
    """left, top, width, height."""
    score: Number
    quality: Number
    pose: Pose | None = None
    eyes_open: bool | None = None
    expression_scores: Shares | None = None
    age_years: Number | None = None
    female_probability: Number | None = None
    member_id: MemberId | None = None
    similarity: Number | None = None


class FaceObservations(msgspec.Struct, frozen=True, kw_only=True):
    """What one camera saw in one frame; sent also when nobody is there: it is the clock."""

    observation_id: UUID
    stand_id: Id
    camera_id: Id
    frame_index: Count
    t_us: InstantUs
    width_px: SizePx
    height_px: SizePx
    faces: Annotated[tuple[FaceObserved, ...], msgspec.Meta(max_length=MOST_FACES)] = ()
    model_version: Label = ""


class Play(msgspec.Struct, frozen=True, kw_only=True):
    """Proof of play: one showing of one creative on one stand during [start_us, end_us)."""

    play_id: UUID
    stand_id: Id
    campaign_id: Id
    creative_id: Id
    start_us: InstantUs
    end_us: InstantUs


class StreamEnded(msgspec.Struct, frozen=True, kw_only=True):
    """The stand's sources have ended: everything open is to be closed as of the last event."""

    stand_id: Id


class FrameCaptured(msgspec.Struct, frozen=True, kw_only=True):
    """One picture of one camera on its way to OBSERVE: the only event with a picture."""

    stand_id: Id
    camera_id: Id
    frame_index: Count
    t_us: InstantUs
    """Event time, microseconds UTC."""
    width_px: SizePx
    height_px: SizePx
    encoding: PictureEncoding
    picture: bytes

    def __repr__(self) -> str:
        return f"FrameCaptured({self.stand_id}/{self.camera_id} #{self.frame_index} at {self.t_us} us)"


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A message that could not be handled, set aside with its bytes, save those of a picture."""

    letter_id: UUID
    service: Label
    """Who set it aside: `observe`, `measure` or `sink`."""
    cause: Label
    """One of the words that counters use, for example `truncated` or `unknown_schema`."""
    detail: Words
    topic: Label
    """Where it came from, as the broker names it."""
    partition: Whole32
    offset: Count
    failed_us: InstantUs
    """Wall clock when it was set aside, microseconds UTC."""
    key: bytes | None
    value: bytes | None

    def __repr__(self) -> str:
        return f"DeadLetter({self.cause} {self.topic}:{self.partition}:{self.offset})"


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One presence of one person at one stand (a fact; a higher version replaces a lower one)."""

    visit_id: UUID
    stand_id: Id
    started_us: InstantUs
    ended_us: InstantUs
    presence_us: DurationUs
    dwell_us: DurationUs
    attention_us: DurationUs
    looks: SmallCount
    longest_look_us: DurationUs
    time_to_first_look_us: DurationUs | None
    engagement: Number | None
    engaged: bool
    """Score and attention reach the thresholds: decided here once, for every figure."""
    expression: Label | None
    """Label with the largest share of looking time."""
    valence: Number | None
    age_years: Number | None
    gender: GenderLabel | None
    member_id: MemberId | None
    model_version: Label
    metric_version: Label
    version: Count


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """One visit x one play: what happened inside [play start, play end)."""

    exposure_id: UUID
    visit_id: UUID
    play_id: UUID
    stand_id: Id
    campaign_id: Id
    creative_id: Id
    play_start_us: InstantUs
    play_end_us: InstantUs
    started_us: InstantUs
    ended_us: InstantUs
    presence_us: DurationUs
    dwell_us: DurationUs
    attention_us: DurationUs
    looks: SmallCount
    impression: bool
    impression_weight: Number
    """Duration-weighted impression: min(1, presence / creative length)."""
    engagement: Number | None
    engaged: bool
    expression_us: tuple[DurationUs, ...]
    """Looking time per label of `EXPRESSIONS`, only samples inside the models' limits."""
    valence: Number | None
    valence_reaction: Number | None
    attention_by_second_us: tuple[SecondUs, ...]
    """Attention falling in second k of the creative: the retention curve."""
    age_years: Number | None
    gender: GenderLabel | None
    member_id: MemberId | None
    model_version: Label
    metric_version: Label
    version: Count


class VisitEnded(msgspec.Struct, frozen=True, kw_only=True):
    """A visit with all its exposures, written as one fact; a higher version replaces the whole."""

    visit: Visit
    exposures: tuple[Exposure, ...]


class CampaignFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one creative on one stand in one window, over its plays inside the window."""

    campaign_id: Id
    creative_id: Id
    plays: Count
    ots: Count
    watchers: Count
    viewers_1s: Count
    viewers_2s: Count
    impressions: Count
    attention_us: DurationUs
    dwell_us: DurationUs
    engaged: Count
    engagement_mean: Number | None


class AudienceFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Unscoped figures of one audience segment (age band x gender) at one stand in one window."""

    age_band: Label | None
    gender: GenderLabel | None
    ots: Count
    watchers: Count
    viewers_1s: Count
    viewers_2s: Count
    attention_us: DurationUs
    dwell_us: DurationUs
    presence_us: DurationUs
    engaged: Count


class WindowClosed(msgspec.Struct, frozen=True, kw_only=True):
    """One window of one stand, [start_us, end_us); a higher version replaces the whole."""

    window_id: UUID
    stand_id: Id
    start_us: InstantUs
    end_us: InstantUs
    observed_us: DurationUs
    """Time inside the window during which a camera reported: the denominator of occupancy."""
    campaigns: tuple[CampaignFigures, ...]
    audience: tuple[AudienceFigures, ...]
    model_version: Label
    metric_version: Label
    version: Count


MeasureInput = FaceObservations | Play | StreamEnded
MeasureOutput = VisitEnded | WindowClosed
