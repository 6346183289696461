"""The report over a story whose figures are worked out by hand."""

import json
import resource
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from onlooker.cli.report import report
from onlooker.foreground.terminal import Terminal
from onlooker.reporting.figures import CampaignReport, load_reports
from onlooker.reporting.page import page
from onlooker.reporting.terminal import render
from onlooker.reporting.words import period
from schemas.errors import LimitReachedError, UsageError
from schemas.events import VisitEnded
from schemas.units import US_PER_S
from sinks.service.local import LocalSink
from sinks.store.clickhouse import ClickHouse
from sinks.store.embedded.server import EmbeddedServer
from sinks.store.migrate import migrate, released
from tests.facts import T0_US, exposure, play, visit_ended, window

pytestmark = [pytest.mark.clickhouse]

FIRST = play("p1")
SECOND = play("p2", start_us=T0_US + 55 * US_PER_S, end_us=T0_US + 65 * US_PER_S)
OTHER = play("p3", creative_id="barista", start_us=T0_US + 10 * US_PER_S, end_us=T0_US + 30 * US_PER_S)
UNSEEN = play("p4", campaign_id="bikes", creative_id="ride")
WOMAN = {"age_years": 30.0, "gender": "female", "member_id": "Jane_Doe"}
MAN = {"age_years": 70.0, "gender": "male"}


def story() -> Iterator[VisitEnded]:
    """Four visits: a woman who sees three plays, a man who looks 1.2 s, one who passes, one merged away.

    coffee/beans has plays p1 and p2 (10 s each), coffee/barista p3 (20 s), bikes/ride p4 with nobody there.
    """
    looked = {
        "engagement": 80.0,
        "engaged": True,
        "expression_us": (1_500_000, 500_000, 0, 0, 0, 0, 0),
        "valence_reaction": 0.2,
    }
    woman = (
        exposure("woman", FIRST, (1.0, 1.0), **WOMAN, **looked),
        exposure("woman", SECOND, (0.0,) * 6 + (1.0,), engagement=20.0, **WOMAN),
        exposure("woman", OTHER, (0.5,), **WOMAN),
    )
    man = exposure("man", FIRST, (0.4, 0.0, 0.8), dwell_us=6 * US_PER_S, **MAN)
    passing = exposure(
        "passing", FIRST, presence_us=500_000, dwell_us=500_000, impression=False, impression_weight=0.05
    )
    yield visit_ended("woman", woman, engaged=True, **WOMAN)
    yield visit_ended("man", (man,), **MAN)
    yield visit_ended("passing", (passing,), attention_us=0)
    yield visit_ended("gone", (exposure("gone", FIRST, (5.0,)),))
    yield visit_ended("gone", presence_us=0, version=2)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    with EmbeddedServer(tmp_path_factory.mktemp("report") / "data") as running:
        client = ClickHouse(running.address())
        with pytest.raises(UsageError, match="has no tables yet"):
            load_reports(client)
        migrate(client, released())
        with pytest.raises(UsageError, match="no campaign has been shown yet"):
            load_reports(client)
        writer = LocalSink(client, run_id="story")
        facts: tuple[Any, ...] = (FIRST, SECOND, OTHER, UNSEEN, *story(), window())
        for fact in facts:
            writer.add(fact)
        writer.flush()
        yield client


@pytest.fixture(scope="module")
def coffee(store: ClickHouse) -> CampaignReport:
    return load_reports(store, "coffee")[0]


def test_a_creative_counts_distinct_visits(coffee: CampaignReport) -> None:
    beans = next(c for c in coffee.creatives if c.creative_id == "beans")
    assert (beans.plays, beans.creative_s, beans.stands) == (2, 10.0, 1)
    assert (beans.ots, beans.watchers, beans.viewers_1s, beans.viewers_2s) == (3, 2, 2, 1)
    assert beans.notice_ratio == pytest.approx(2 / 3)
    assert (beans.impressions, beans.weighted_impressions) == (3, 3.0)
    assert beans.attention_s == pytest.approx(4.2)
    assert beans.mean_attention_s == pytest.approx(2.1)
    assert beans.mean_dwell_s == pytest.approx((20 + 6) / 2)
    assert beans.attraction_ratio == pytest.approx(4.2 / 26)
    assert beans.average_unit_audience == pytest.approx(2.0)
    assert beans.attention_per_mille_s == pytest.approx(1000 * 4.2 / 3)
    assert (beans.engaged, beans.engagement_mean) == (1, 50.0)
    assert beans.valence_reaction == pytest.approx(0.2)
    assert beans.expression_shares == {"neutral": 0.75, "happy": 0.25}
    assert (beans.reach, beans.member_frequency) == (1, 2.0)


def test_the_total_is_not_the_sum_of_its_creatives(coffee: CampaignReport) -> None:
    assert sum(c.ots for c in coffee.creatives) == 4
    assert (coffee.totals.ots, coffee.totals.plays, coffee.totals.watchers) == (3, 3, 2)
    assert coffee.totals.attention_s == pytest.approx(4.7)


def test_a_short_dwell_lowers_the_average_unit_audience(coffee: CampaignReport) -> None:
    barista = next(c for c in coffee.creatives if c.creative_id == "barista")
    assert (barista.ots, barista.watchers, barista.average_unit_audience) == (1, 1, 1.0)
    # campaign: 2 watchers, mean dwell (40 + 6) / 2 s, mean length 40 / 3 s
    assert coffee.totals.average_unit_audience == pytest.approx(2.0)


def test_a_short_period_has_seconds(coffee: CampaignReport) -> None:
    assert period(coffee) == "2026-02-02 10:00:00 to 10:01:05 UTC"
    longer = replace(coffee.totals, last_play_at=coffee.totals.first_play_at + timedelta(days=1))
    assert period(replace(coffee, totals=longer)) == "2026-02-02 10:00 to 2026-02-03 10:00 UTC"


def test_a_campaign_with_nobody_there_has_zeros_and_unknowns(store: ClickHouse) -> None:
    totals = load_reports(store, "bikes")[0].totals
    assert (totals.plays, totals.ots, totals.impressions, totals.attention_s) == (1, 0, 0, 0.0)
    assert totals.notice_ratio is None
    assert totals.mean_dwell_s is None
    assert totals.expression_shares == {}


def test_the_retention_curve(coffee: CampaignReport) -> None:
    beans = [r for r in coffee.retention if r.creative_id == "beans"]
    assert [r.second for r in beans] == list(range(10))
    assert [r.attention_s for r in beans][:4] == pytest.approx([1.4, 1.0, 0.8, 0.0])
    assert beans[6].attention_s == 1.0
    assert {r.start_viewers for r in beans} == {2}
    assert [r.retention for r in beans][:3] == [1.0, 0.5, 0.5]
    assert beans[6].retention == 0.0


def test_the_course_by_the_minute(coffee: CampaignReport) -> None:
    assert [(m.plays, m.ots, m.watchers) for m in coffee.minutes] == [(3, 3, 2), (0, 1, 1)]
    assert [m.attention_s for m in coffee.minutes] == pytest.approx([3.7, 1.0])


def test_the_audience_and_the_dwell(coffee: CampaignReport) -> None:
    segments = {(s.age_band, s.gender): (s.ots, s.watchers, s.viewers_2s, s.engaged) for s in coffee.audience}
    assert segments == {
        ("25-34", "female"): (1, 1, 1, 1),
        ("65+", "male"): (1, 1, 0, 0),
        ("unknown", "unknown"): (1, 0, 0, 0),
    }
    assert [b.watchers for b in coffee.dwell] == [0, 1, 0, 1, 0]


def test_the_stand(store: ClickHouse) -> None:
    columns = "visits, watchers, viewers_2s, engaged, attention_s, observed_s, mean_occupancy, reach"
    assert store.rows(f"SELECT {columns} FROM v_stand_report") == [(3, 2, 1, 1, 4.7, 60.0, 3.0, 1)]


def test_the_parts_sum_to_the_total(coffee: CampaignReport) -> None:
    assert sum(s.ots for s in coffee.audience) == coffee.totals.ots
    assert sum(b.watchers for b in coffee.dwell) == coffee.totals.watchers
    assert sum(m.attention_s for m in coffee.minutes) == pytest.approx(coffee.totals.attention_s)
    assert sum(r.attention_s for r in coffee.retention) == pytest.approx(coffee.totals.attention_s)


def test_an_unknown_campaign_names_the_known_ones(store: ClickHouse) -> None:
    with pytest.raises(UsageError, match="known are: bikes, coffee"):
        load_reports(store, "tea")


def test_the_terminal_shows_every_part(store: ClickHouse) -> None:
    console = Terminal(width=100, record=True, file=StringIO())
    for one in load_reports(store):
        console.print(render(one))
    text = console.export_text()
    for words in (
        "coffee",
        "bikes",
        "barista",
        "notice ratio 67 %",
        "30-60 s",
        "65+",
        "People seen only from behind",
    ):
        assert words in text


def test_nothing_is_cut_or_broken_at_80_columns(coffee: CampaignReport) -> None:
    big = replace(coffee.creatives[0], creative_id="a-coat-in-rain", ots=123_456, attention_s=98_765.4)
    console = Terminal(width=80, record=True, file=StringIO())
    console.print(render(replace(coffee, creatives=(big,))))
    lines = console.export_text().splitlines()
    heads = next(line for line in lines if line.startswith("creative") and "plays" in line)
    assert " ".join(heads.split()[1:]) == "plays OTS watchers 2 s notice attention dwell engaged"
    row = next(line for line in lines if "123,456" in line)
    assert row.startswith("a-coat")
    assert "98,765 s" in row
    assert not any("…" in line or len(line.rstrip()) > 80 for line in lines)


def test_the_page_is_whole_and_needs_no_network(store: ClickHouse) -> None:
    html = page(load_reports(store))
    shown = html.replace(html[html.index("<script>") : html.index("</script>")], "", 1)
    for words in (
        "coffee",
        "barista",
        "Notice ratio",
        "People seen only from behind are not counted",
        "models-1",
    ):
        assert words in shown
    assert 'src="http' not in shown
    assert 'href="http' not in shown
    assert "<link" not in shown


def test_a_hostile_name_is_only_text(store: ClickHouse) -> None:
    (report_of_coffee,) = load_reports(store, "coffee")
    totals = replace(report_of_coffee.totals, campaign_id="<script>alert(1)</script>[bold]")
    hostile = replace(report_of_coffee, totals=totals)
    assert "<script>alert" not in page((hostile,))
    console = Terminal(width=100, record=True, file=StringIO())
    console.print(render(hostile))
    assert "[bold]" in console.export_text()


def test_report_json_is_one_object(
    store: ClickHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[report.callback.__module__], "opened", lambda *_: nullcontext(store))
    page_path = tmp_path / "new" / "folder" / "report.html"
    done = CliRunner().invoke(report, ["coffee", "--json", "--html", str(page_path)])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["campaigns"][0]["totals"]["ots"] == 3
    assert page_path.read_text().startswith("<!DOCTYPE html>")


def test_a_page_that_the_disk_does_not_take_leaves_the_earlier_one(
    store: ClickHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[report.callback.__module__], "opened", lambda *_: nullcontext(store))
    page_path = tmp_path / "report.html"
    page_path.write_text("earlier")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, limits[1]))
    try:
        done = CliRunner().invoke(report, ["coffee", "--html", str(page_path)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert isinstance(done.exception, LimitReachedError)
    assert str(page_path) in str(done.exception)
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    assert page_path.read_text() == "earlier"


def test_a_page_that_cannot_be_written_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = CliRunner().invoke(report, ["--html", str(tmp_path / "file" / "report.html")])
    assert isinstance(done.exception, UsageError)
    assert "cannot be written" in str(done.exception)
