"""From facts to rows: which rows of which tables a fact becomes, in plain values."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

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
from schemas.units import ms_from_us

Fact = VisitEnded | WindowClosed | Play | DeadLetter
Row = dict[str, Any]
TOPICS: Mapping[type, str] = {
    VisitEnded: "visits",
    WindowClosed: "campaign_windows",
    Play: "plays",
    DeadLetter: "dead_letters",
}
"""The topic that carries each kind of fact."""
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


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a fact came from: it makes a row traceable and a batch's token unique."""

    topic: str
    partition: int
    offset: int


class TableRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row for one table."""

    table: str
    values: Row


def rows_of(fact: Fact, origin: Origin) -> tuple[TableRow, ...]:
    """The rows that a fact becomes.

    Args:
        fact: a visit with its exposures, a window with its figures, or a play.
        origin: where it came from.

    Returns:
        Its rows; durations rounded down to ms, instants in us.
    """
    meta = {"_topic": origin.topic, "_partition": origin.partition, "_offset": origin.offset}
    return tuple(
        TableRow(table=table, values={**values, **meta}) for table, values in _MAKERS[type(fact)](fact)
    )


def columns_of(rows: Iterable[Row]) -> Mapping[str, Sequence[Any]]:
    """Turn rows of one table into columns.

    Args:
        rows: at least one row, all with the same names.

    Returns:
        A list a column, in the order of the first row.
    """
    kept = list(rows)
    return {name: [row[name] for row in kept] for name in kept[0]}


def _of_visit_ended(fact: VisitEnded) -> list[tuple[str, Row]]:
    version = fact.visit.version
    exposures = [("exposures", _exposure(exposure, version)) for exposure in fact.exposures]
    return [*exposures, ("visits", _visit(fact.visit))]


def _of_play(play: Play) -> list[tuple[str, Row]]:
    values = {
        "play_id": play.play_id,
        "stand_id": play.stand_id,
        "campaign_id": play.campaign_id,
        "creative_id": play.creative_id,
        "started_at": play.start_us,
        "ended_at": play.end_us,
        "duration_ms": ms_from_us(play.end_us - play.start_us),
        "model_version": "",
        "metric_version": METRIC_VERSION,
    }
    return [("plays", values)]


def _of_letter(letter: DeadLetter) -> list[tuple[str, Row]]:
    values = msgspec.structs.asdict(letter)
    return [("dead_letters", {**values, "failed_at": values.pop("failed_us")})]


def _of_window(fact: WindowClosed) -> list[tuple[str, Row]]:
    shared = {
        "window_id": fact.window_id,
        "stand_id": fact.stand_id,
        "window_start": fact.start_us,
        "window_end": fact.end_us,
        "version": fact.version,
        "model_version": fact.model_version,
        "metric_version": fact.metric_version,
    }
    not_measured = {"offers": None, "redemptions": None, "revenue": None}
    campaigns = [
        ("campaign_windows", {**shared, **_in_ms(msgspec.structs.asdict(c)), **not_measured})
        for c in fact.campaigns
    ]
    audience = [
        ("audience_windows", {**shared, **_segment(msgspec.structs.asdict(a))}) for a in fact.audience
    ]
    return [*campaigns, *audience, ("windows", {**shared, "observed_ms": ms_from_us(fact.observed_us)})]


def _visit(visit: Visit) -> Row:
    values = _in_ms(msgspec.structs.asdict(visit))
    return {
        **_renamed(values, {"started_us": "started_at", "ended_us": "ended_at"}),
        "engaged": int(visit.engaged),
        "retracted": int(visit.presence_us == 0),
    }


def _exposure(exposure: Exposure, version: int) -> Row:
    values = _in_ms(msgspec.structs.asdict(exposure))
    expression_us = values.pop("expression_us")
    by_second_us = values.pop("attention_by_second_us")
    names = {
        "started_us": "started_at",
        "ended_us": "ended_at",
        "play_start_us": "play_start",
        "play_end_us": "play_end",
    }
    return {
        **_renamed(values, names),
        "impression": int(exposure.impression),
        "engaged": int(exposure.engaged),
        "expression_ms": {
            name: ms_from_us(us) for name, us in zip(EXPRESSIONS, expression_us, strict=False) if us > 0
        },
        "attention_by_second_ms": [ms_from_us(us) for us in by_second_us],
        "version": version,
    }


def _segment(figures: Row) -> Row:
    values = _in_ms(figures)
    return {**values, "age_band": values["age_band"] or UNKNOWN, "gender": values["gender"] or UNKNOWN}


DURATIONS = frozenset(
    {"presence_us", "dwell_us", "attention_us", "longest_look_us", "time_to_first_look_us", "observed_us"}
)


def _in_ms(values: Row) -> Row:
    return {
        (name.removesuffix("_us") + "_ms" if name in DURATIONS else name): (
            ms_from_us(value) if name in DURATIONS and value is not None else value
        )
        for name, value in values.items()
    }


def _renamed(values: Row, names: Mapping[str, str]) -> Row:
    return {names.get(name, name): value for name, value in values.items()}


_MAKERS: Mapping[type, Callable[[Any], list[tuple[str, Row]]]] = {
    VisitEnded: _of_visit_ended,
    WindowClosed: _of_window,
    Play: _of_play,
    DeadLetter: _of_letter,
}
