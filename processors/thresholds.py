"""Thresholds of MEASURE: every number that a figure depends on, with its default."""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

import msgspec

from schemas.events import METRIC_VERSION
from schemas.ranges import LONGEST_S, Bearing, Count, Degrees, Edge, Seconds


class StandOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the screen is, and which part of the picture counts as before the stand.

    `bearing_yaw_deg`, `bearing_pitch_deg`: head pose, as the camera measures it, of somebody who looks
    straight at the screen; 0 for a camera on the screen.
    `zone`: fractions of the picture (0..1, from the left and the top); two points are opposite corners of a
    rectangle, three or more a polygon; None is the whole picture. A face is inside by the middle of its box.
    """

    bearing_yaw_deg: Bearing = 0.0
    bearing_pitch_deg: Bearing = 0.0
    zone: Annotated[tuple[tuple[Edge, Edge], ...], msgspec.Meta(min_length=2)] | None = None


class MeasureOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Thresholds of the measurement; docs/metrics.md names the source of each."""

    stands: dict[str, StandOptions] = {}
    looking: Literal["hysteresis", "intel"] = "hysteresis"
    """`intel`: plain limit of `intel_deg` and no eye rule, to compare with Intel's shopper-gaze-monitor."""
    enter_deg: Degrees = 20.0
    leave_deg: Degrees = 30.0
    intel_deg: Degrees = 22.5
    eyes_closed_s: Seconds = 0.4
    max_gap_s: Seconds = 0.5
    """How long a sample's state holds when no other follows."""
    presence_gap_s: Seconds = 1.0
    """A longer silence is taken out of presence, and nothing of it counts."""
    min_look_s: Seconds = 0.2
    confirm_samples: Count = 3
    confirm_s: Seconds = 0.3
    rejoin_s: Seconds = 10.0
    impression_s: Seconds = 1.0
    engaged_score: float = 50.0
    engaged_attention_s: Seconds = 2.0
    full_attention_s: Annotated[float, msgspec.Meta(gt=0, le=LONGEST_S)] = 5.0
    """Attention that earns the whole attention term of the engagement score."""
    expression_angle_deg: Degrees = 45.0
    expression_face_px: float = 64.0
    valence_support_s: Seconds = 0.5
    """Least time with a known expression before a valence is given."""
    retention_s: Count = 300
    """Longest retention curve kept for an exposure."""
    window_s: Annotated[float, msgspec.Meta(ge=1, le=LONGEST_S)] = 60.0
    lateness_s: Seconds = 2.0
    """The watermark is the newest event time minus this."""
    late_horizon_s: Annotated[float, msgspec.Meta(ge=1, le=LONGEST_S)] = 30.0
    """How far behind the watermark an event still corrects what was written."""
    max_jump_s: Annotated[float, msgspec.Meta(gt=0, le=LONGEST_S)] = 60.0
    """An event further ahead of the newest one waits until others confirm it."""
    jump_confirmations: Count = 3
    max_play_s: Seconds = 86_400.0

    def __post_init__(self) -> None:
        """Refuse thresholds that contradict each other."""
        if self.leave_deg < self.enter_deg:
            raise ValueError("leave_deg must be at least enter_deg")
        if not self.max_gap_s <= self.presence_gap_s <= min(self.rejoin_s, self.late_horizon_s):
            raise ValueError("max_gap_s <= presence_gap_s <= rejoin_s and late_horizon_s must hold")

    def stand(self, stand_id: str) -> StandOptions:
        """Options of one stand: what was configured for it, or the defaults."""
        return self.stands.get(stand_id, _DEFAULT_STAND)

    def of_stand(self, stand_id: str) -> "MeasureOptions":
        """The options as far as they concern one stand: equal ones give equal figures there."""
        own = self.stand(stand_id)
        return msgspec.structs.replace(self, stands={} if own == _DEFAULT_STAND else {stand_id: own})

    @property
    def digest(self) -> str:
        """16 hexadecimal digits of the SHA-256 of formulas and thresholds, those of all stands."""
        stands = {name: own for name, own in self.stands.items() if own != _DEFAULT_STAND}
        typed = msgspec.convert(msgspec.to_builtins(self), MeasureOptions)
        alike = msgspec.structs.replace(typed, stands=stands)
        return _digest_of(METRIC_VERSION.encode() + msgspec.json.encode(alike, order="sorted"), 16)

    def metric_version(self, stand_id: str) -> str:
        """Version of the figures of one stand: that of the formulas, and of the thresholds where they differ.

        Returns:
            `METRIC_VERSION` for the defaults; else that, a plus and 8 hexadecimal digits of the SHA-256 of
            `thresholds`. Worked out once for each configured stand.
        """
        return self._versions.get(stand_id, self._version_elsewhere)

    def thresholds(self, stand_id: str) -> str:
        """All thresholds of one stand as canonical JSON: those of other stands have no part in it.

        Returns:
            A JSON object, keys sorted, numbers in the type of their field; `stand` holds those of the stand.
        """
        typed = msgspec.convert(msgspec.to_builtins(self), MeasureOptions)
        values = msgspec.structs.asdict(typed)
        del values["stands"]
        return msgspec.json.encode({**values, "stand": typed.stand(stand_id)}, order="sorted").decode()

    @cached_property
    def _versions(self) -> dict[str, str]:
        return {stand_id: _version_of(self.thresholds(stand_id)) for stand_id in self.stands}

    @cached_property
    def _version_elsewhere(self) -> str:
        """Of every stand without options of its own; no stand has an empty name."""
        return _version_of(self.thresholds(""))


def options_kept(options: MeasureOptions) -> dict[str, Any]:
    """Options as a checkpoint keeps them: all of them, because another release may have other defaults."""
    kept: dict[str, Any] = msgspec.to_builtins(options)
    return kept


def options_from(kept: Mapping[str, Any]) -> MeasureOptions:
    """Options from a checkpoint; what a later release has added is left out: no formula here knows it.

    Raises:
        msgspec.ValidationError: they are no options.
    """
    known = {name: value for name, value in kept.items() if name in MeasureOptions.__struct_fields__}
    return msgspec.convert(known, MeasureOptions)


def _version_of(thresholds: str) -> str:
    if thresholds == _DEFAULT_THRESHOLDS:
        return METRIC_VERSION
    return f"{METRIC_VERSION}+{_digest_of(thresholds.encode(), 8)}"


def _digest_of(data: bytes, digits: int) -> str:
    return hashlib.sha256(data).hexdigest()[:digits]


_DEFAULT_STAND = StandOptions()
_DEFAULT_THRESHOLDS = MeasureOptions().thresholds("")
