"""What a user may configure about cameras: time base, buffer, time-outs, back-off, watchdog."""

from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec

from schemas.bounds import FRAME_BYTES
from schemas.ranges import Answer, Count, Fps, Positive, Seconds
from schemas.units import us_of

DropPolicy = Literal["wait", "drop_oldest", "drop_newest"]
Pace = Literal["real", "fast"]

PICTURE_BYTES = FRAME_BYTES - 128 * 1024
"""The largest picture: its message has an envelope, headers and a batch around it."""

RECORDING_START = datetime(2000, 1, 1, tzinfo=UTC)
"""Event time of the first frame of a recording that carries no clock: fixed, so runs can be compared."""


class CaptureOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How cameras are opened, watched and buffered; seconds unless the name says otherwise."""

    start_at: Annotated[datetime, msgspec.Meta(tz=True)] = RECORDING_START
    """Event time of a recording's first frame, with its time zone."""
    folder_fps: Fps | None = None
    """Pictures of a folder follow one another at this rate; None: nobody knows, and it is not measured."""
    fallback_fps: Fps = 25.0
    """Rate of a video whose own rate is missing or absurd."""
    policy: DropPolicy = "drop_oldest"
    """What a full buffer does with a live camera, or with a recording at real pace."""
    buffer_frames: Count = 32
    buffer_bytes: Count = 256 * 1024 * 1024
    max_pixels: Count = 36_000_000
    """Larger pictures (width x height) are refused; 8K video has 33 million."""
    max_picture_bytes: Count = 64 * 1024 * 1024
    """Larger files in a picture folder are refused unread."""
    open_timeout_s: Answer = 5.0
    read_timeout_s: Answer = 5.0
    freeze_s: Positive = 10.0
    """A live camera without a new frame for so long is shown as frozen; bounds the read time-out."""
    identical_s: Positive = 60.0
    """A live camera whose picture has not changed by one bit for so long is reopened."""
    backoff_first_s: Positive = 0.5
    backoff_max_s: Positive = 30.0
    stable_s: Positive = 10.0
    """After streaming for so long a loss starts the back-off from its first step again."""

    @property
    def start_us(self) -> int:
        """`start_at` as us UTC."""
        return us_of(self.start_at)


class PublishOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How frames become messages, and how many of them may be on their way."""

    encoding: Literal["auto", "jpeg", "png"] = "auto"
    """auto: recordings without loss (PNG), live cameras as JPEG."""
    jpeg_quality: Annotated[int, msgspec.Meta(ge=1, le=100)] = 90
    max_frame_bytes: Annotated[int, msgspec.Meta(ge=1024, le=PICTURE_BYTES)] = PICTURE_BYTES
    """A larger picture is encoded smaller; one that cannot be made smaller is refused and counted."""
    in_flight_bytes: Count = 32 * 1024 * 1024
    """Handed over and not yet acknowledged; beyond it frames wait in the cameras' buffers."""
    in_flight_messages: Count = 2_000
    request_timeout_s: Answer = 15.0
    """A broker that does not answer a request for so long is asked again."""
    away_after_s: Positive = 5.0
    """Kafka counts as away when nothing has been acknowledged for so long."""
    flush_s: Seconds = 5.0
    """How long a stopped capture waits for what is in flight."""
    session_timeout_s: Positive = 10.0
    """A capture that the brokers have not heard for so long has lost its stands to one that stands by."""
    journal_every_s: Positive = 0.5
    """How often is noted what has been acknowledged: a killed capture sends so much again."""
