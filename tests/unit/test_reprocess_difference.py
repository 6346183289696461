"""The difference of a reprocessing: intervals against worked examples, what changes and what does not."""

import csv
import math
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.reprocess.difference import changed, differences, figures, normal, wilson
from onlooker.reprocess.words import difference_row, shown_time, tables, warnings_of, write_csv
from sinks.reprocessing.figures import Coverage, Group, Sums

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

COFFEE: Group = ("campaign", "coffee", "", "")
DOOR: Group = ("whole stand", "", "", "door")
SUMS = Sums(
    ots=20,
    watchers=2,
    viewers_1s=2,
    viewers_2s=1,
    impressions=30,
    attention_s=4.0,
    dwell_s=10.0,
    attention_squares=10.0,
)


@pytest.mark.parametrize(
    ("count", "of", "expected"),
    [
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilson_as_published(count: int, of: int, expected: tuple[float, float]) -> None:
    # Newcombe, Two-sided confidence intervals for the single proportion (1998), table I, method 3.
    low, high = wilson(count, of) or (0.0, 0.0)
    assert (round(low, 4), round(high, 4)) == expected


def test_wilson_at_its_ends() -> None:
    assert wilson(0, 0) is None
    assert (wilson(0, 10) or (1.0, 0.0))[0] == 0.0
    assert (wilson(10, 10) or (1.0, 0.0))[1] == pytest.approx(1.0)


@given(st.integers(1, 10_000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_wilson_holds_its_share(counts: tuple[int, int]) -> None:
    count, of = counts
    found = wilson(count, of)
    assert found is not None
    assert 0.0 <= found[0] <= count / of + 1e-12
    assert count / of - 1e-12 <= found[1] <= 1.0


def test_the_interval_of_a_mean_as_worked_out_by_hand() -> None:
    # 1, 2, 3: mean 2, s = 1, half = 1.96 / sqrt(3).
    low, high = normal(3, 6.0, 14.0) or (0.0, 0.0)
    assert high - 2.0 == pytest.approx(2.0 - low) == pytest.approx(1.959964 / math.sqrt(3), rel=1e-6)
    assert normal(1, 5.0, 25.0) is None
    assert normal(2, 2e9, 2e18) == (1e9, 1e9)


def test_figures_of_a_group() -> None:
    found = figures(SUMS)
    assert found["notice_ratio"].value == 0.1
    assert found["attraction_ratio"].value == 0.4
    assert found["mean_attention_s"].value == 2.0
    assert found["engagement_mean"].value is None
    assert found["ots"].low is None
    nobody = figures(Sums())
    assert nobody["notice_ratio"].value is None
    assert nobody["mean_attention_s"].value is None


def test_only_what_changed_is_a_change() -> None:
    other = Sums(ots=20, watchers=2, impressions=25)
    found = differences({COFFEE: SUMS, DOOR: SUMS}, {COFFEE: SUMS, DOOR: SUMS})
    assert changed(found) == []
    assert len(tables(found)) == 0
    found = differences({COFFEE: Sums(ots=20, watchers=2, impressions=30)}, {COFFEE: other})
    assert [(each.figure, each.change) for each in changed(found)] == [("impressions", -5.0)]
    assert tables(found)[0].row_count == 1


def test_a_group_that_only_one_side_has_is_there() -> None:
    found = differences({}, {COFFEE: SUMS})
    ots = next(each for each in found if each.figure == "ots")
    assert (ots.live.value, ots.reprocessed.value, ots.change) == (0.0, 20.0, 20.0)
    ratio = next(each for each in found if each.figure == "notice_ratio")
    assert ratio.live.value is None
    assert ratio.change is None


def test_a_whole_stand_has_no_impressions() -> None:
    assert "impressions" not in {each.figure for each in differences({DOOR: SUMS}, {DOOR: SUMS})}


def test_the_csv_holds_every_figure(tmp_path: Path) -> None:
    found = differences({COFFEE: SUMS}, {COFFEE: Sums(ots=3)})
    write_csv(tmp_path / "d.csv", found)
    with (tmp_path / "d.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(found)
    assert tuple(rows[0]) == COLUMNS
    assert rows[0] == {
        **dict.fromkeys(COLUMNS, ""),
        **{"level": "campaign", "campaign_id": "coffee", "figure": "ots"},
        **{"live": "20.0", "reprocessed": "3.0", "change": "-17.0"},
    }
    assert difference_row(found[0]).live_low is None


def test_warnings_name_what_is_missing() -> None:
    fine = Coverage(windows=3, windows_short=0, crossing=0, crossing_reprocessed=0)
    assert warnings_of(fine) == []
    short, crossing = warnings_of(Coverage(windows=3, windows_short=1, crossing=2, crossing_reprocessed=0))
    assert "less than was measured live in 1 of 3 windows" in short
    assert "2 live and 0 recomputed visits" in crossing
    (cut,) = warnings_of(msgspec.structs.replace(fine, windows_cut=2))
    assert "2 live windows cross an end of the range" in cut


def test_times_are_written_in_utc() -> None:
    assert shown_time(1_772_445_600_000_000) == "2026-03-02T10:00:00Z"
