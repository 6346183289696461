"""The difference that a reprocessing makes, in tables for people, in JSON and CSV for programs."""

import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from rich.table import Table

from onlooker.reprocess.difference import COUNTS, SECONDS, Difference, Value, changed
from schemas.units import US_PER_S
from sinks.reprocessing.figures import Coverage
from sinks.reprocessing.ledger import Reprocessing

COLUMNS = (
    "level",
    "campaign_id",
    "creative_id",
    "stand_id",
    "figure",
    "live",
    "live_low",
    "live_high",
    "reprocessed",
    "reprocessed_low",
    "reprocessed_high",
    "change",
)
SURE = "Shares with Wilson's 95 % interval, means with the normal one; both sides are of the same people."


def plain_row(each: Difference) -> dict[str, Any]:
    """One figure as a flat object.

    Args:
        each: it.

    Returns:
        Values by `COLUMNS`.
    """
    values = (
        *(each.level, each.campaign_id, each.creative_id, each.stand_id, each.figure),
        *msgspec.structs.astuple(each.live),
        *msgspec.structs.astuple(each.reprocessed),
        each.change,
    )
    return dict(zip(COLUMNS, values, strict=True))


def write_csv(path: Path, found: Iterable[Difference]) -> None:
    """Write every figure as a line.

    Args:
        path: file to make or replace.
        found: the figures.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(plain_row(each) for each in found)


def plain_reprocessing(it: Reprocessing) -> dict[str, Any]:
    """A reprocessing for programs.

    Args:
        it: it.

    Returns:
        JSON values.
    """
    return {
        "name": it.name,
        "state": it.state,
        "generation": it.generation,
        "recording": it.recording,
        "stands": list(it.stand_ids),
        "from": shown_time(it.from_us),
        "until": shown_time(it.until_us),
        "metric_versions": sorted(it.thresholds),
        "since": shown_time(it.version),
    }


def shown_time(t_us: int) -> str:
    """An instant for people and programs.

    Args:
        t_us: us UTC.

    Returns:
        ISO 8601, seconds.
    """
    return datetime.fromtimestamp(t_us // US_PER_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def warnings_of(coverage: Coverage) -> list[str]:
    """What somebody should know before the figures are switched.

    Args:
        coverage: how well the recording covers what was measured.

    Returns:
        Sentences.
    """
    found = []
    if coverage.windows_short:
        found.append(
            f"the recording holds less than was measured live in {coverage.windows_short} of "
            f"{coverage.windows} windows: what it lacks would be missing from the figures"
        )
    if coverage.crossing or coverage.crossing_reprocessed:
        found.append(
            f"{coverage.crossing} live and {coverage.crossing_reprocessed} recomputed visits cross an end of "
            "the range: each counts where it begins"
        )
    return found


def tables(found: Sequence[Difference]) -> list[Table]:
    """What changes, a table a level; figures without a change are left out.

    Args:
        found: all figures.

    Returns:
        Tables to print.
    """
    made = []
    for level in dict.fromkeys(each.level for each in found):
        table = Table(title=f"by {level}", title_justify="left")
        for name in ("campaign", "creative", "stand", "figure"):
            table.add_column(name)
        for name in ("live", "recomputed", "change"):
            table.add_column(name, justify="right")
        for each in changed(found):
            if each.level == level:
                table.add_row(*_cells(each))
        if table.row_count:
            made.append(table)
    return made


def _cells(each: Difference) -> tuple[str, ...]:
    change = "" if each.change is None else f"{each.change:+.{_digits(each.figure)}f}"
    sides = (_shown(each.live, each.figure), _shown(each.reprocessed, each.figure))
    return (each.campaign_id, each.creative_id, each.stand_id, each.figure, *sides, change)


def _shown(value: Value, figure: str) -> str:
    if value.value is None:
        return "unknown"
    digits = _digits(figure)
    words = f"{value.value:.{digits}f}"
    if value.low is None or value.high is None:
        return words
    return f"{words} ({value.low:.{digits}f} to {value.high:.{digits}f})"


def _digits(figure: str) -> int:
    if figure in COUNTS:
        return 0
    return 1 if figure in SECONDS else 3
