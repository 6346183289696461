"""The figures of a campaign report, read from the views of the database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from schemas.errors import UsageError
from sinks.store.clickhouse import ClickHouse

VERSIONS = (
    "SELECT model_version, metric_version, min(started_at), max(ended_at) FROM v_exposures "
    "WHERE campaign_id = {campaign:String} GROUP BY model_version, metric_version"
)
STANDS = "SELECT DISTINCT stand_id FROM v_plays WHERE campaign_id = {campaign:String} ORDER BY stand_id"
T = TypeVar("T")


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Headline figures of a campaign or of one creative; shares from 0 to 1, None where unknown."""

    campaign_id: str
    creative_id: str | None = None
    """None: all creatives of the campaign."""
    first_play_at: datetime
    last_play_at: datetime
    stands: int
    plays: int
    creative_s: float
    ots: int
    watchers: int
    viewers_1s: int
    viewers_2s: int
    notice_ratio: float | None
    attraction_ratio: float | None
    impressions: int
    weighted_impressions: float
    attention_s: float
    mean_attention_s: float | None
    mean_dwell_s: float | None
    average_unit_audience: float
    attention_per_mille_s: float | None
    engaged: int
    engagement_mean: float | None
    valence_reaction: float | None
    expression_shares: dict[str, float]
    reach: int
    member_frequency: float | None


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One age band of one gender."""

    age_band: str
    gender: str
    ots: int
    watchers: int
    viewers_2s: int
    attention_s: float
    engaged: int


class DwellBucket(msgspec.Struct, frozen=True, kw_only=True):
    """Watchers who stayed so long."""

    dwell: str
    watchers: int
    share: float | None


class RetentionSecond(msgspec.Struct, frozen=True, kw_only=True):
    """One second of a creative."""

    creative_id: str
    second: int
    attention_s: float
    viewers: int
    start_viewers: int
    retention: float | None


class Minute(msgspec.Struct, frozen=True, kw_only=True):
    """One minute of a campaign."""

    minute: datetime
    plays: int
    ots: int
    watchers: int
    attention_s: float


PARTS: dict[str, tuple[type[msgspec.Struct], str, str]] = {
    "creatives": (Figures, "v_campaign_report", "creative_id"),
    "audience": (Segment, "v_audience", "age_band, gender"),
    "dwell": (DwellBucket, "v_dwell_buckets", "bucket"),
    "retention": (RetentionSecond, "v_creative_retention", "creative_id, second"),
    "minutes": (Minute, "v_campaign_minutes", "minute"),
}
"""Part of the report: what it consists of, its view and order."""


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """One set of formulas and thresholds, and from when to when the campaign was measured with it."""

    metric_version: str
    first_at: datetime
    last_at: datetime


class CampaignReport(msgspec.Struct, frozen=True, kw_only=True):
    """All of one campaign."""

    totals: Figures
    creatives: tuple[Figures, ...]
    audience: tuple[Segment, ...]
    dwell: tuple[DwellBucket, ...]
    retention: tuple[RetentionSecond, ...]
    minutes: tuple[Minute, ...]
    model_versions: tuple[str, ...]
    metric_versions: tuple[str, ...]
    meanings: tuple[Meaning, ...] = ()
    """Each metric version, the earliest first: figures of several are not made alike."""
    warnings: tuple[str, ...] = ()
    """What the frame rate did to the figures, a sentence a stand."""


def load_reports(
    store: ClickHouse, campaign_id: str | None = None, warnings: Mapping[str, str] = MappingProxyType({})
) -> tuple[CampaignReport, ...]:
    """The reports of one campaign or of all (None), by name of the campaign: at least one.

    Args:
        store: the database.
        campaign_id: the campaign.
        warnings: by stand, what a reader has to know of its figures.

    Raises:
        UsageError: nothing was shown yet, or not this campaign.
    """
    if not store.rows("EXISTS TABLE v_campaign_totals")[0][0]:
        raise UsageError("the database has no tables yet: make them with `onlooker migrate`")
    known = [row[0] for row in store.rows("SELECT campaign_id FROM v_campaign_totals ORDER BY campaign_id")]
    if not known:
        raise UsageError("no campaign has been shown yet: name plays in the configuration of `onlooker run`")
    if campaign_id is not None and campaign_id not in known:
        raise UsageError(f"there is no campaign {campaign_id!r}; known are: {', '.join(known)}")
    return tuple(_load(store, name, warnings) for name in known if campaign_id in (None, name))


def _load(store: ClickHouse, campaign_id: str, warnings: Mapping[str, str]) -> CampaignReport:
    totals = _select(store, campaign_id, Figures, "v_campaign_totals", "campaign_id")
    parts: dict[str, Any] = {part: _select(store, campaign_id, *what) for part, what in PARTS.items()}
    stands = store.rows(STANDS, {"campaign": campaign_id}) if warnings else []
    versions = store.rows(VERSIONS, {"campaign": campaign_id})
    return CampaignReport(
        totals=totals[0],
        **parts,
        model_versions=tuple(sorted({str(model) for model, *_ in versions if model})),
        metric_versions=tuple(sorted({str(metric) for _, metric, *_ in versions if metric})),
        meanings=_meanings(versions),
        warnings=tuple(warnings[stand_id] for (stand_id,) in stands if stand_id in warnings),
    )


def _meanings(versions: Sequence[Sequence[Any]]) -> tuple[Meaning, ...]:
    """From rows of model version, metric version, first and last instant."""
    known: dict[str, Meaning] = {}
    for _, metric, first_at, last_at in versions:
        if metric:
            other = known.get(metric)
            first = min(first_at, other.first_at) if other else first_at
            last = max(last_at, other.last_at) if other else last_at
            known[metric] = Meaning(metric_version=metric, first_at=first, last_at=last)
    return tuple(sorted(known.values(), key=lambda each: (each.first_at, each.metric_version)))


def _select(store: ClickHouse, campaign_id: str, kind: type[T], view: str, order: str) -> Sequence[T]:
    # view and order are constants of this file; the campaign goes as a parameter
    sql = f"SELECT * FROM {view} WHERE campaign_id = {{campaign:String}} ORDER BY {order}"  # noqa: S608
    answer = store.answer(sql, {"campaign": campaign_id})
    rows = [dict(zip(answer.names, row, strict=True)) for row in answer.rows]
    return tuple(msgspec.convert(row, kind) for row in rows)
