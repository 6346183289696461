"""The difference that a reprocessing makes, in tables for people, in JSON and CSV for programs."""

import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.table import Table

from onlooker.reprocess.difference import COUNTS, SECONDS, Difference, Value, changed
from schemas.files import naming
from schemas.units import US_PER_S
from sinks.reprocessing.figures import Coverage, Level
from sinks.reprocessing.ledger import Reprocessing, State

SURE = "Shares with Wilson's 95 % interval, means with the normal one; both sides are of the same people."


class DifferenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of one group, flat."""

    level: Level
    campaign_id: str
    creative_id: str
    stand_id: str
    figure: str
    live: float | None
    live_low: float | None
    live_high: float | None
    reprocessed: float | None
    reprocessed_low: float | None
    reprocessed_high: float | None
    change: float | None


class ReprocessingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A reprocessing for programs."""

    name: str
    state: State
    generation: int
    recording: str
    stands: tuple[str, ...]
    begin: str = msgspec.field(name="from")
    end: str = msgspec.field(name="until")
    metric_versions: tuple[str, ...]
    since: str
    """When the state was reached."""


class ComparedRows(msgspec.Struct, frozen=True, kw_only=True):
    """A reprocessing with what it would change, for programs."""

    reprocessing: ReprocessingRow
    warnings: tuple[str, ...]
    differences: tuple[DifferenceRow, ...]


def difference_row(difference: Difference) -> DifferenceRow:
    """One figure, flat: a row of the CSV file and of `reprocess --json`."""
    live, reprocessed = difference.live, difference.reprocessed
    return DifferenceRow(
        level=difference.level,
        campaign_id=difference.campaign_id,
        creative_id=difference.creative_id,
        stand_id=difference.stand_id,
        figure=difference.figure,
        live=live.value,
        live_low=live.low,
        live_high=live.high,
        reprocessed=reprocessed.value,
        reprocessed_low=reprocessed.low,
        reprocessed_high=reprocessed.high,
        change=difference.change,
    )


def reprocessing_row(reprocessing: Reprocessing) -> ReprocessingRow:
    """A reprocessing for programs: an item of `reprocess --list --json`."""
    return ReprocessingRow(
        name=reprocessing.name,
        state=reprocessing.state,
        generation=reprocessing.generation,
        recording=reprocessing.recording,
        stands=reprocessing.stand_ids,
        begin=shown_time(reprocessing.from_us),
        end=shown_time(reprocessing.until_us),
        metric_versions=tuple(sorted(reprocessing.thresholds)),
        since=shown_time(reprocessing.version),
    )


def write_csv(path: Path, found: Iterable[Difference]) -> None:
    """Write every figure as a line of a file, made or replaced."""
    with naming(path), path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(DifferenceRow.__struct_fields__)
        writer.writerows(msgspec.structs.astuple(difference_row(each)) for each in found)


def shown_time(t_us: int) -> str:
    """An instant, us UTC, for people and programs: ISO 8601, seconds."""
    return datetime.fromtimestamp(t_us // US_PER_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def warnings_of(coverage: Coverage) -> list[str]:
    """Sentences that somebody should know before the figures are switched."""
    found = []
    if coverage.windows_short:
        found.append(
            f"the recording holds less than was measured live in {coverage.windows_short} of "
            f"{coverage.windows} windows: what it lacks would be missing from the figures"
        )
    if coverage.windows_cut:
        found.append(
            f"{coverage.windows_cut} live windows cross an end of the range, because windows have another "
            "length now: seconds would be added up twice there, or missing. Give --from and --until where "
            "live windows begin and end"
        )
    if coverage.crossing or coverage.crossing_reprocessed:
        found.append(
            f"{coverage.crossing} live and {coverage.crossing_reprocessed} recomputed visits cross an end of "
            "the range: each counts where it begins"
        )
    return found


def tables(found: Sequence[Difference]) -> list[Table]:
    """What changes, a table a level; figures without a change are left out."""
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
