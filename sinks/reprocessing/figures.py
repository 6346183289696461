"""Sums of the live and of the recomputed facts of a range, by campaign, creative and stand: the same SQL."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from schemas.ports import RowStore
from sinks.reprocessing.ledger import Reprocessing

Level = Literal["campaign", "creative", "stand", "whole stand"]
Side = Literal["live", "reprocessed"]
Group = tuple[Level, str, str, str]
"""Level, campaign, creative, stand; empty where the level does not tell them apart."""
OBSERVED_SLACK_MS = 1_000
_LEVELS: Mapping[Level, tuple[str, str, str]] = {
    "campaign": ("campaign_id", "''", "''"),
    "creative": ("campaign_id", "creative_id", "''"),
    "stand": ("campaign_id", "''", "stand_id"),
}
_SIDES: Mapping[Side, tuple[str, str]] = {
    "live": ("", "1"),
    "reprocessed": ("reprocessed_", "generation = {generation:UInt64}"),
}
"""Prefix of the tables, and which of their rows."""
_RANGE = (
    "stand_id IN {stands:Array(String)} AND %s >= fromUnixTimestamp64Micro({from:Int64}, 'UTC') "
    "AND %s < fromUnixTimestamp64Micro({until:Int64}, 'UTC')"
)
_VISITS = "SELECT * FROM %svisits FINAL WHERE NOT retracted AND %s AND " + _RANGE % (("started_at",) * 2)
_SUMS = """
    count() AS ots, countIf(attention > 0) AS watchers, countIf(attention >= 1000) AS viewers_1s,
    countIf(attention >= 2000) AS viewers_2s, sum(seen) AS impressions, countIf(is_engaged) AS engaged,
    sum(attention) / 1000 AS attention_s, sumIf(dwell, attention > 0) / 1000 AS dwell_s,
    sum(pow(attention / 1000, 2)) AS attention_squares, sum(score_count), sum(score_sum), sum(score_squares)
"""
_SCORES = (
    "count(engagement) AS score_count, ifNull(sum(engagement), 0) AS score_sum, "
    "ifNull(sum(pow(engagement, 2)), 0) AS score_squares"
)


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """What is added up over the visits of a group; each counts once."""

    ots: int = 0
    watchers: int = 0
    viewers_1s: int = 0
    viewers_2s: int = 0
    impressions: int = 0
    """Audience impressions; 0 for a whole stand, where nothing says which play they were of."""
    engaged: int = 0
    attention_s: float = 0.0
    dwell_s: float = 0.0
    """Of those who looked."""
    attention_squares: float = 0.0
    """Sum of the squares of each visit's attention, s²."""
    score_count: int = 0
    """Exposures (of a whole stand: visits) with an engagement score."""
    score_sum: float = 0.0
    score_squares: float = 0.0


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How well the recording covers what was measured live."""

    windows: int
    """Live windows in the range."""
    windows_short: int
    """Of these, windows in which live cameras reported for longer than the recording tells."""
    crossing: int
    """Live visits that cross an end of the range."""
    crossing_reprocessed: int
    windows_cut: int = 0
    """Live windows that cross an end of the range: windows have another length now, and would overlap."""


def sums_of(store: RowStore, reprocessing: Reprocessing, side: Side) -> dict[Group, Sums]:
    """The sums of one side, by group.

    Args:
        store: the database.
        reprocessing: whose range, stands and generation are summed.
        side: what was measured live, whatever the views show, or what was recomputed.
    """
    found: dict[Group, Sums] = {}
    for level, keys in _LEVELS.items():
        rows = store.rows(_by_exposure(side, keys), parameters_of(reprocessing))
        found.update({(level, *row[:3]): _sums(row[3:]) for row in rows})
    rows = store.rows(_by_visit(side), parameters_of(reprocessing))
    found.update({("whole stand", "", "", row[0]): _sums(row[1:]) for row in rows})
    return found


def coverage_of(store: RowStore, reprocessing: Reprocessing) -> Coverage:
    """Compare for how long cameras reported live and in the recording of a complete reprocessing."""
    windows, short = store.rows(_WINDOWS, {**parameters_of(reprocessing), "slack": OBSERVED_SLACK_MS})[0]
    crossing = {side: store.rows(_crossing(side), parameters_of(reprocessing))[0][0] for side in _SIDES}
    return Coverage(
        windows=windows,
        windows_short=short,
        crossing=crossing["live"],
        crossing_reprocessed=crossing["reprocessed"],
        windows_cut=store.rows(_CUT, parameters_of(reprocessing))[0][0],
    )


def parameters_of(reprocessing: Reprocessing) -> dict[str, Any]:
    """What the questions about a reprocessing ask with: values by name."""
    return {
        "generation": reprocessing.generation,
        "stands": list(reprocessing.stand_ids),
        "from": reprocessing.from_us,
        "until": reprocessing.until_us,
    }


def _sums(values: tuple[Any, ...]) -> Sums:
    return Sums(**dict(zip(Sums.__struct_fields__, values, strict=True)))


def _by_exposure(side: Side, keys: tuple[str, str, str]) -> str:
    prefix, which = _SIDES[side]
    campaign, creative, stand = keys
    return f"""
SELECT campaign, creative, stand, {_SUMS}
FROM
(
    SELECT {campaign} AS campaign, {creative} AS creative, {stand} AS stand, visit_id,
        sum(attention_ms) AS attention, sum(dwell_ms) AS dwell, countIf(impression) AS seen,
        max(engaged) AS is_engaged, {_SCORES}
    FROM {prefix}exposures FINAL
    WHERE {which} AND (visit_id, version) IN (SELECT visit_id, version FROM ({_VISITS % (prefix, which)}))
    GROUP BY campaign, creative, stand, visit_id
)
GROUP BY campaign, creative, stand
"""  # noqa: S608 - names of ours


def _by_visit(side: Side) -> str:
    return f"""
SELECT stand_id, {_SUMS}
FROM
(
    SELECT stand_id, visit_id, any(attention_ms) AS attention, any(dwell_ms) AS dwell, 0 AS seen,
        any(engaged) AS is_engaged, {_SCORES}
    FROM ({_VISITS % _SIDES[side]})
    GROUP BY stand_id, visit_id
)
GROUP BY stand_id
"""  # noqa: S608 - names of ours


def _crossing(side: Side) -> str:
    prefix, which = _SIDES[side]
    return f"""
SELECT count() FROM {prefix}visits FINAL
WHERE NOT retracted AND {which} AND stand_id IN {{stands:Array(String)}}
    AND ((started_at < fromUnixTimestamp64Micro({{from:Int64}}, 'UTC')
          AND ended_at >= fromUnixTimestamp64Micro({{from:Int64}}, 'UTC'))
      OR (started_at < fromUnixTimestamp64Micro({{until:Int64}}, 'UTC')
          AND ended_at >= fromUnixTimestamp64Micro({{until:Int64}}, 'UTC')))
"""  # noqa: S608 - names of ours


_WINDOWS = f"""
SELECT count(), countIf(live.observed_ms > new.observed + {{slack:UInt64}})
FROM
(
    SELECT stand_id, window_start, observed_ms FROM windows FINAL
    WHERE {_RANGE % (("window_start",) * 2)}
) AS live
LEFT JOIN
(
    SELECT stand_id, window_start, observed_ms AS observed FROM reprocessed_windows FINAL
    WHERE generation = {{generation:UInt64}}
) AS new USING (stand_id, window_start)
"""  # noqa: S608 - names of ours
_CUT = """
SELECT count() FROM windows FINAL
WHERE stand_id IN {stands:Array(String)}
    AND ((window_start < fromUnixTimestamp64Micro({from:Int64}, 'UTC')
          AND window_end > fromUnixTimestamp64Micro({from:Int64}, 'UTC'))
      OR (window_start < fromUnixTimestamp64Micro({until:Int64}, 'UTC')
          AND window_end > fromUnixTimestamp64Micro({until:Int64}, 'UTC')))
"""
