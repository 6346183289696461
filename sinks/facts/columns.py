"""From facts to the columns of every table: which rows a fact becomes, built column by column."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from schemas.events import (
    EXPRESSIONS,
    METRIC_VERSION,
    DeadLetter,
    Exposure,
    Play,
    Visit,
    VisitEnded,
    WindowClosed,
)
from schemas.units import US_PER_MS

Fact = VisitEnded | WindowClosed | Play | DeadLetter
Columns = dict[str, list[Any]]
Offsets = list[int]
UNKNOWN = "unknown"
"""Age band or gender of a segment whose people's age or gender could not be estimated."""
WRITE_ORDER = (
    "plays",
    "exposures",
    "visits",
    "campaign_windows",
    "audience_windows",
    "windows",
    "dead_letters",
)
"""The table whose row makes a version hold comes after the tables of its parts."""


class Sourced(Protocol):
    """A fact with its place in its partition."""

    @property
    def fact(self) -> Any:
        """One of `Fact`."""
        ...

    @property
    def offset(self) -> int:
        """Its place in the partition that it came by."""
        ...


def tables_of(sourced: Iterable[Sourced], place: tuple[str, int]) -> list[tuple[str, Columns]]:
    """The rows of facts that came by one partition.

    Args:
        sourced: facts with their offsets.
        place: topic and partition.

    Returns:
        Columns of each table that gets a row, heads after their parts; durations rounded down to ms,
        instants in us.
    """
    kinds: dict[type, tuple[list[Any], Offsets]] = {}
    for each in sourced:
        facts, offsets = kinds.setdefault(type(each.fact), ([], []))
        facts.append(each.fact)
        offsets.append(each.offset)
    found: dict[str, tuple[Columns, Offsets]] = {}
    for kind, (facts, offsets) in kinds.items():
        found.update(_TABLES[kind](facts, offsets))
    tables = []
    for name in WRITE_ORDER:
        columns, offsets = found.get(name, ({}, []))
        if offsets:
            source: Columns = {"_topic": [place[0]] * len(offsets), "_partition": [place[1]] * len(offsets)}
            tables.append((name, {**columns, **source, "_offset": offsets}))
    return tables


Tables = Mapping[str, tuple[Columns, Offsets]]


def _of_visits(facts: Sequence[VisitEnded], offsets: Offsets) -> Tables:
    places = [offset for fact, offset in zip(facts, offsets, strict=True) for _ in fact.exposures]
    exposures = {
        **_exposures([exposure for fact in facts for exposure in fact.exposures]),
        "version": [fact.visit.version for fact in facts for _ in fact.exposures],
    }
    return {"exposures": (exposures, places), "visits": (_visits([fact.visit for fact in facts]), offsets)}


def _visits(rows: Sequence[Visit]) -> Columns:
    return {
        "visit_id": [r.visit_id for r in rows],
        "stand_id": [r.stand_id for r in rows],
        "started_at": [r.started_us for r in rows],
        "ended_at": [r.ended_us for r in rows],
        "presence_ms": [r.presence_us // US_PER_MS for r in rows],
        "dwell_ms": [r.dwell_us // US_PER_MS for r in rows],
        "attention_ms": [r.attention_us // US_PER_MS for r in rows],
        "looks": [r.looks for r in rows],
        "longest_look_ms": [r.longest_look_us // US_PER_MS for r in rows],
        "time_to_first_look_ms": [
            None if r.time_to_first_look_us is None else r.time_to_first_look_us // US_PER_MS for r in rows
        ],
        "engagement": [r.engagement for r in rows],
        "engaged": [r.engaged for r in rows],
        "expression": [r.expression for r in rows],
        "valence": [r.valence for r in rows],
        "age_years": [r.age_years for r in rows],
        "gender": [r.gender for r in rows],
        "member_id": [r.member_id for r in rows],
        "retracted": [r.presence_us == 0 for r in rows],
        "version": [r.version for r in rows],
        "model_version": [r.model_version for r in rows],
        "metric_version": [r.metric_version for r in rows],
    }


def _exposures(rows: Sequence[Exposure]) -> Columns:
    return {
        "exposure_id": [r.exposure_id for r in rows],
        "visit_id": [r.visit_id for r in rows],
        "play_id": [r.play_id for r in rows],
        "stand_id": [r.stand_id for r in rows],
        "campaign_id": [r.campaign_id for r in rows],
        "creative_id": [r.creative_id for r in rows],
        "play_start": [r.play_start_us for r in rows],
        "play_end": [r.play_end_us for r in rows],
        "started_at": [r.started_us for r in rows],
        "ended_at": [r.ended_us for r in rows],
        "presence_ms": [r.presence_us // US_PER_MS for r in rows],
        "dwell_ms": [r.dwell_us // US_PER_MS for r in rows],
        "attention_ms": [r.attention_us // US_PER_MS for r in rows],
        "looks": [r.looks for r in rows],
        "impression": [r.impression for r in rows],
        "impression_weight": [r.impression_weight for r in rows],
        "engagement": [r.engagement for r in rows],
        "engaged": [r.engaged for r in rows],
        "expression_ms": _named([r.expression_us for r in rows]),
        "valence": [r.valence for r in rows],
        "valence_reaction": [r.valence_reaction for r in rows],
        "attention_by_second_ms": _in_ms([r.attention_by_second_us for r in rows]),
        "age_years": [r.age_years for r in rows],
        "gender": [r.gender for r in rows],
        "member_id": [r.member_id for r in rows],
        "model_version": [r.model_version for r in rows],
        "metric_version": [r.metric_version for r in rows],
    }


def _named(rows: Sequence[tuple[int, ...]]) -> list[dict[str, int]]:
    """Time by expression, ms; those never shown are left out."""
    names, keys = EXPRESSIONS, range(len(EXPRESSIONS))
    found: dict[tuple[int, ...], dict[str, int]] = {}
    for row in dict.fromkeys(rows):
        found[row] = {names[k]: row[k] // US_PER_MS for k in keys if k < len(row) and row[k] > 0}
    return [found[row] for row in rows]


def _in_ms(rows: Sequence[tuple[int, ...]]) -> list[list[int]]:
    """Durations in ms; equal rows are made once."""
    found = {row: [us // US_PER_MS for us in row] for row in dict.fromkeys(rows)}
    return [found[row] for row in rows]


def _of_plays(rows: Sequence[Play], offsets: Offsets) -> Tables:
    columns: Columns = {
        "play_id": [r.play_id for r in rows],
        "stand_id": [r.stand_id for r in rows],
        "campaign_id": [r.campaign_id for r in rows],
        "creative_id": [r.creative_id for r in rows],
        "started_at": [r.start_us for r in rows],
        "ended_at": [r.end_us for r in rows],
        "duration_ms": [(r.end_us - r.start_us) // US_PER_MS for r in rows],
        "model_version": [""] * len(rows),
        "metric_version": [METRIC_VERSION] * len(rows),
    }
    return {"plays": (columns, offsets)}


def _of_windows(facts: Sequence[WindowClosed], offsets: Offsets) -> Tables:
    at = list(zip(facts, offsets, strict=True))
    campaigns = [(fact, offset, each) for fact, offset in at for each in fact.campaigns]
    audience = [(fact, offset, each) for fact, offset in at for each in fact.audience]
    observed = {"observed_ms": [fact.observed_us // US_PER_MS for fact in facts]}
    return {
        "campaign_windows": (
            {**_window([f for f, _, _ in campaigns]), **_campaigns([each for _, _, each in campaigns])},
            [offset for _, offset, _ in campaigns],
        ),
        "audience_windows": (
            {**_window([f for f, _, _ in audience]), **_segments([each for _, _, each in audience])},
            [offset for _, offset, _ in audience],
        ),
        "windows": ({**_window(facts), **observed}, offsets),
    }


def _window(rows: Sequence[WindowClosed]) -> Columns:
    return {
        "window_id": [r.window_id for r in rows],
        "stand_id": [r.stand_id for r in rows],
        "window_start": [r.start_us for r in rows],
        "window_end": [r.end_us for r in rows],
        "version": [r.version for r in rows],
        "model_version": [r.model_version for r in rows],
        "metric_version": [r.metric_version for r in rows],
    }


def _figures(rows: Sequence[Any]) -> Columns:
    return {
        "ots": [r.ots for r in rows],
        "watchers": [r.watchers for r in rows],
        "viewers_1s": [r.viewers_1s for r in rows],
        "viewers_2s": [r.viewers_2s for r in rows],
        "attention_ms": [r.attention_us // US_PER_MS for r in rows],
        "dwell_ms": [r.dwell_us // US_PER_MS for r in rows],
        "engaged": [r.engaged for r in rows],
    }


def _campaigns(rows: Sequence[Any]) -> Columns:
    return {
        **_figures(rows),
        "campaign_id": [r.campaign_id for r in rows],
        "creative_id": [r.creative_id for r in rows],
        "plays": [r.plays for r in rows],
        "impressions": [r.impressions for r in rows],
        "engagement_mean": [r.engagement_mean for r in rows],
        **{name: [None] * len(rows) for name in ("offers", "redemptions", "revenue")},
    }


def _segments(rows: Sequence[Any]) -> Columns:
    return {
        **_figures(rows),
        "age_band": [r.age_band or UNKNOWN for r in rows],
        "gender": [r.gender or UNKNOWN for r in rows],
        "presence_ms": [r.presence_us // US_PER_MS for r in rows],
    }


def _of_letters(rows: Sequence[DeadLetter], offsets: Offsets) -> Tables:
    columns: Columns = {
        "letter_id": [r.letter_id for r in rows],
        "service": [r.service for r in rows],
        "cause": [r.cause for r in rows],
        "detail": [r.detail for r in rows],
        "topic": [r.topic for r in rows],
        "partition": [r.partition for r in rows],
        "offset": [r.offset for r in rows],
        "failed_at": [r.failed_us for r in rows],
        "key": [r.key for r in rows],
        "value": [r.value for r in rows],
    }
    return {"dead_letters": (columns, offsets)}


_TABLES: Mapping[type, Any] = {
    VisitEnded: _of_visits,
    Play: _of_plays,
    WindowClosed: _of_windows,
    DeadLetter: _of_letters,
}
