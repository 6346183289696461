"""Facts to test the database and the report with: small, with figures that can be worked out by hand."""

from typing import Any

from schemas.events import AudienceFigures, CampaignFigures, Exposure, Play, Visit, VisitEnded, WindowClosed
from schemas.ids import derive_id
from schemas.kinds import kinds
from schemas.units import US_PER_S

T0_US = 1_770_026_400_000_000
"""2026-02-02 10:00:00 UTC."""
ORIGIN: dict[str, Any] = {"model_version": "models-1", "metric_version": "1"}
NOBODY: dict[str, Any] = {"age_years": None, "gender": None, "member_id": None}


WRITE_ORDER = tuple(table.name for kind in kinds().all for table in kind.tables)
"""The tables that facts become rows of; the one whose row makes a version hold comes after its parts."""


class FakeClock:
    """A clock that only moves when told to, or by sleeping."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def now_s(self) -> float:
        return self.at_s

    def sleep(self, seconds: float) -> None:
        self.at_s += seconds


def play(name: str = "p1", **changes: Any) -> Play:
    """Ten seconds of creative `beans` of campaign `coffee`, from T0."""
    values: dict[str, Any] = {
        "play_id": derive_id("play", name),
        "stand_id": "entrance",
        "campaign_id": "coffee",
        "creative_id": "beans",
        "start_us": T0_US,
        "end_us": T0_US + 10 * US_PER_S,
    }
    return Play(**{**values, **changes})


def exposure(visit: str, shown: Play, attention_s: tuple[float, ...] = (), **changes: Any) -> Exposure:
    """A visit present for the whole of a play, looking `attention_s[k]` seconds in second k."""
    attention_us = round(sum(attention_s) * US_PER_S)
    length_us = shown.end_us - shown.start_us
    values: dict[str, Any] = {
        "exposure_id": derive_id("exposure", visit, str(shown.play_id)),
        "visit_id": derive_id("visit", visit),
        "play_id": shown.play_id,
        "stand_id": shown.stand_id,
        "campaign_id": shown.campaign_id,
        "creative_id": shown.creative_id,
        "play_start_us": shown.start_us,
        "play_end_us": shown.end_us,
        "started_us": shown.start_us,
        "ended_us": shown.end_us,
        "presence_us": length_us,
        "dwell_us": length_us,
        "attention_us": attention_us,
        "looks": int(attention_us > 0),
        "impression": True,
        "impression_weight": 1.0,
        "engagement": None,
        "engaged": False,
        "expression_us": (0,) * 7,
        "valence": None,
        "valence_reaction": None,
        "attention_by_second_us": tuple(round(s * US_PER_S) for s in attention_s),
        "version": 1,
        **NOBODY,
        **ORIGIN,
    }
    return Exposure(**{**values, **changes})


def visit_ended(name: str, exposures: tuple[Exposure, ...] = (), **changes: Any) -> VisitEnded:
    """A visit of a minute from T0."""
    values: dict[str, Any] = {
        "visit_id": derive_id("visit", name),
        "stand_id": "entrance",
        "started_us": T0_US,
        "ended_us": T0_US + 60 * US_PER_S,
        "presence_us": 60 * US_PER_S,
        "dwell_us": 50 * US_PER_S,
        "attention_us": sum(e.attention_us for e in exposures),
        "looks": 1,
        "longest_look_us": 1_999,
        "time_to_first_look_us": None,
        "engagement": None,
        "engaged": False,
        "expression": None,
        "valence": None,
        "version": 1,
        **NOBODY,
        **ORIGIN,
    }
    return VisitEnded(visit=Visit(**{**values, **changes}), exposures=exposures)


def campaign_figures(**changes: Any) -> CampaignFigures:
    """Two visits before creative `beans`, one of them looks."""
    values: dict[str, Any] = {
        "campaign_id": "coffee",
        "creative_id": "beans",
        "plays": 1,
        "ots": 2,
        "watchers": 1,
        "viewers_1s": 1,
        "viewers_2s": 0,
        "impressions": 2,
        "attention_us": 1_500_999,
        "dwell_us": 10 * US_PER_S,
        "engaged": 0,
        "engagement_mean": None,
    }
    return CampaignFigures(**{**values, **changes})


def audience_figures(**changes: Any) -> AudienceFigures:
    """Two visits of unknown age and gender."""
    values: dict[str, Any] = {
        "age_band": None,
        "gender": None,
        "ots": 2,
        "watchers": 1,
        "viewers_1s": 1,
        "viewers_2s": 0,
        "attention_us": 1_500_999,
        "dwell_us": 10 * US_PER_S,
        "presence_us": 20 * US_PER_S,
        "engaged": 0,
    }
    return AudienceFigures(**{**values, **changes})


def window(
    campaigns: tuple[CampaignFigures, ...] = (), audience: tuple[AudienceFigures, ...] = (), version: int = 1
) -> WindowClosed:
    """The minute from T0 at the entrance."""
    return WindowClosed(
        window_id=derive_id("window", "entrance", T0_US),
        stand_id="entrance",
        start_us=T0_US,
        end_us=T0_US + 60 * US_PER_S,
        observed_us=60 * US_PER_S,
        campaigns=campaigns,
        audience=audience,
        version=version,
        **ORIGIN,
    )
