"""Reprocessing on a real ClickHouse: beside the live figures, switched at once, discarded without a trace."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from onlooker.cli.reprocess import reprocess
from onlooker.reprocess.difference import changed
from onlooker.wiring.reprocess import ReprocessRequest, Site
from schemas.clocks import Clocks
from schemas.errors import CheckFailedError, UsageError
from sinks.reprocessing.ledger import LEDGER, LONGEST_WAIT_S, Reprocessing, Reprocessings
from sinks.reprocessing.side import SIDE_TABLES, SideStore
from sinks.service.local import LocalSink
from sinks.store.clickhouse import ClickHouse
from sinks.store.dialect import ONE_SERVER
from sinks.store.embedded.server import EmbeddedServer
from sinks.store.migrate import migrate, released
from tests.facts import WRITE_ORDER, visit_ended
from tests.reprocess_day import START_US, STRICTER, day, measured_live, minute_us, recorded
from tests.reprocess_views import EVERYTHING, FACTS, VIEWS, seen

pytestmark = [pytest.mark.clickhouse]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path_factory.mktemp("reprocess") / "data") as running:
        store = ClickHouse(running.address())
        migrate(store, released())
        measured_live(store, day())
        store.close()
        yield running


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recorded(tmp_path_factory.mktemp("recorded") / "day", day())


@pytest.fixture
def store(server: EmbeddedServer) -> Iterator[ClickHouse]:
    client = ClickHouse(server.address())
    yield client
    for each in Site(client, ONE_SERVER).reprocessings.all():
        there = Site(client, ONE_SERVER).reprocessings
        there.discard(there.hide(each))
    client.close()


@pytest.fixture
def site(store: ClickHouse) -> Site:
    return Site(store, ONE_SERVER)


def stricter(site: Site, recording: Path, **changes: Any) -> Reprocessing:
    return site.recompute(STRICTER, ReprocessRequest(folder=recording, **{"name": "stricter", **changes}))


def versions(store: ClickHouse, view: str = "v_visits") -> set[str]:
    return {version for (version,) in store.rows(f"SELECT DISTINCT metric_version FROM {view}")}


def test_a_threshold_makes_a_difference_where_expected_and_nowhere_else(
    site: Site, store: ClickHouse, recording: Path
) -> None:
    before = seen(store)
    it = stricter(site, recording)
    assert seen(store) == before
    assert it.stand_ids == ("door", "hall")
    found = changed(site.compare(it).differences)
    assert {(each.figure, each.campaign_id) for each in found} == {("impressions", "coffee")}
    whole = next(each for each in found if each.level == "campaign")
    assert whole.live.value is not None
    assert whole.change is not None
    assert whole.change < 0 < whole.live.value


def test_the_same_thresholds_make_no_difference(site: Site, recording: Path) -> None:
    it = site.recompute(None, ReprocessRequest(folder=recording, name="same"))
    compared = site.compare(it)
    assert compared.differences
    assert changed(compared.differences) == []
    assert compared.coverage.windows == 10
    assert compared.coverage.windows_short == 0


def test_a_switch_changes_all_views_and_back(site: Site, store: ClickHouse, recording: Path) -> None:
    before = seen(store)
    it = stricter(site, recording)
    site.reprocessings.show(it)
    after = seen(store)
    assert sum(one != two for one, two in zip(before, after, strict=True)) >= len(VIEWS) + 1
    assert after[len(VIEWS)] == before[len(VIEWS)], "plays"
    new = set(it.thresholds)
    assert all(versions(store, view) == new for view in VIEWS)
    assert new <= versions(store, "v_metric_versions")
    assert site.reprocessings.hide(it).state == "ready"
    assert seen(store) == before


@pytest.mark.slow
def test_a_reader_sees_only_old_or_only_new_figures(
    site: Site, server: EmbeddedServer, store: ClickHouse, recording: Path
) -> None:
    it = stricter(site, recording)
    old = seen(store)
    site.reprocessings.show(it)
    new = seen(store)
    site.reprocessings.hide(it)
    assert old != new
    answers: list[tuple[Any, ...]] = []
    stop = threading.Event()

    def read(question: str) -> None:
        reader = ClickHouse(server.address(analyst=True), read_only=True)
        while not stop.is_set():
            answers.append(reader.rows(question)[0])
        reader.close()

    # Servers before 25.6 do not share snapshots within a question: the second reader asks like them.
    alone = "SETTINGS enable_shared_storage_snapshot_in_query = 0"
    questions = (f"SELECT {EVERYTHING}", f"SELECT {FACTS} {alone}")
    readers = [threading.Thread(target=read, args=(each,)) for each in questions]
    for reader in readers:
        reader.start()
    # The rows are long there: without waiting for readers a switch falls into the midst of their questions.
    hasty = Reprocessings(store, clocks=Clocks(monotonic_s=count(0.0, 2 * LONGEST_WAIT_S).__next__))
    switches, deadline = 0, time.monotonic() + 240
    try:
        while (len(answers) < 200 or switches < 20) and time.monotonic() < deadline:
            (hasty.hide if switches % 2 else hasty.show)(it)
            switches += 1
            so_far = len(answers)
            while len(answers) < so_far + 5 and time.monotonic() < deadline:
                time.sleep(0.001 * (switches % 7 + 1))
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert len(answers) >= 200, f"{len(answers)} questions, {switches} switches"
    assert {each for each in answers if len(each) == len(old)} == {old, new}
    facts = len(VIEWS) + 1
    assert {each for each in answers if len(each) == facts} == {old[:facts], new[:facts]}


def test_only_what_begins_in_the_range_is_replaced(site: Site, store: ClickHouse, recording: Path) -> None:
    visits = store.rows("SELECT count() FROM v_visits")
    it = stricter(site, recording, from_us=minute_us(1), until_us=minute_us(2) - 1, stands=("door",))
    assert (it.from_us, it.until_us) == (minute_us(1), minute_us(2))
    compared = site.compare(it)
    assert compared.coverage.crossing == compared.coverage.crossing_reprocessed == 1
    assert compared.coverage.windows_short == 0
    assert {each.campaign_id for each in changed(compared.differences)} == {"coffee"}
    site.reprocessings.show(it)
    assert store.rows("SELECT count() FROM v_visits") == visits
    for view, begin in (("v_visits", "started_at"), ("v_windows", "window_start")):
        inside = f"stand_id = 'door' AND {begin} >= '2026-03-02 10:01:00' AND {begin} < '2026-03-02 10:02:00'"
        sql = f"SELECT DISTINCT {inside} AS inside, metric_version FROM {view} ORDER BY inside"
        assert store.rows(sql) == [(0, "1"), (1, next(iter(it.thresholds)))]


def test_one_on_top_of_another_and_back(site: Site, store: ClickHouse, recording: Path) -> None:
    first = site.reprocessings.show(stricter(site, recording))
    with_first = seen(store)
    second = site.recompute(None, ReprocessRequest(folder=recording, name="as it was"))
    site.reprocessings.show(second)
    assert versions(store) == {"1"}
    site.reprocessings.hide(second)
    assert seen(store) == with_first
    assert site.reprocessings.named("stricter") == first


def test_late_corrections_of_a_switched_range_stay_behind(
    site: Site, store: ClickHouse, recording: Path
) -> None:
    it = site.reprocessings.show(stricter(site, recording))
    shown = seen(store)
    late = visit_ended("late", stand_id="door", started_us=START_US, ended_us=START_US + 1, version=7)
    writer = LocalSink(store, run_id="late")
    writer.add(late)
    writer.flush()
    assert seen(store) == shown
    site.reprocessings.hide(it)
    assert store.rows("SELECT count() FROM v_visits WHERE version = 7") == [(1,)]
    store.command("DELETE FROM visits WHERE version = 7")


def test_discard_leaves_no_trace(site: Site, store: ClickHouse, recording: Path) -> None:
    before = seen(store)
    it = site.reprocessings.show(stricter(site, recording))
    with pytest.raises(UsageError, match="switch-back"):
        site.reprocessings.discard(it)
    site.reprocessings.hide(it)
    site.reprocessings.discard(it)
    assert seen(store) == before
    assert site.reprocessings.all() == []
    for table in (*SIDE_TABLES.values(), LEDGER):
        assert store.rows(f"SELECT count() FROM {table}") == [(0,)], table
    with pytest.raises(CheckFailedError, match="discarded meanwhile"):
        site.reprocessings.show(it)


def test_a_half_written_one_is_never_shown_and_can_be_run_again(
    site: Site, store: ClickHouse, recording: Path
) -> None:
    before = seen(store)
    half = site.reprocessings.begin("stricter", recording="day", from_us=START_US, until_us=minute_us(5))
    measured_live(SideStore(store, half.generation), day()[:1500])
    assert store.rows("SELECT count() > 0 FROM reprocessed_visits") == [(1,)]
    assert seen(store) == before
    for refused in (site.reprocessings.show, site.compare):
        with pytest.raises(UsageError, match="not complete"):
            refused(half)
    it = stricter(site, recording)
    measured_live(SideStore(store, half.generation), day()[1500:], source="it was alive all the same")
    with pytest.raises(CheckFailedError, match="discarded meanwhile"):
        site.reprocessings.finish(half, ["door"], {})
    assert store.rows("SELECT DISTINCT generation FROM reprocessed_visits") == [(it.generation,)]
    with pytest.raises(UsageError, match="already"):
        stricter(site, recording)


def test_killed_for_real_then_run_again(
    site: Site, server: EmbeddedServer, store: ClickHouse, recording: Path, tmp_path: Path
) -> None:
    before = seen(store)
    config = tmp_path / "stricter.yaml"
    config.write_text("measure: {impression_s: 3.0}\n")
    data_dir = server.address().data_dir
    assert data_dir is not None
    asked = [str(recording), "--config", str(config), "--name", "killed", "--data-dir", data_dir]
    process = subprocess.Popen(
        [sys.executable, "-m", "onlooker", "reprocess", *asked], stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while not site.reprocessings.all() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert site.reprocessings.named("killed").state == "writing"
    assert seen(store) == before
    done = CliRunner().invoke(reprocess, [*asked, "--json", "--switch"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["reprocessing"]["state"] == "shown"
    assert {each["figure"] for each in found["differences"] if each["change"]} == {"impressions"}
    assert versions(store) == set(found["reprocessing"]["metric_versions"])
    for words, state in ((["--switch-back", "killed"], "again"), (["--discard", "killed"], "discarded")):
        done = CliRunner().invoke(reprocess, [*words, "--data-dir", data_dir])
        assert done.exit_code == 0, done.output
        assert state in done.output
    assert seen(store) == before


def test_a_recording_that_holds_less_is_not_switched_unasked(
    server: EmbeddedServer, store: ClickHouse, tmp_path: Path
) -> None:
    data_dir = server.address().data_dir
    assert data_dir is not None
    events = [each for each in day() if getattr(each, "t_us", START_US) < minute_us(2) + 30_000_000]
    asked = [str(recorded(tmp_path / "short", events)), "--name", "short", "--data-dir", data_dir]
    done = CliRunner().invoke(reprocess, [*asked, "--switch"])
    assert isinstance(done.exception, CheckFailedError)
    assert "less than was measured live in 2 of 6 windows" in str(done.exception)
    assert versions(store) == {"1"}
    export = tmp_path / "difference.csv"
    again = ["--name", "short", "--data-dir", data_dir, "--export", str(export)]
    done = CliRunner().invoke(reprocess, [*again, "--switch", "--partial"])
    assert done.exit_code == 0, done.output
    assert "The views show it" in done.output
    lines = export.read_text().splitlines()
    assert lines[0].startswith("level,campaign_id")
    assert len(lines) > 50
    done = CliRunner().invoke(reprocess, ["--list", "--json", "--data-dir", data_dir])
    assert [each["name"] for each in json.loads(done.stdout)] == ["short"]


@pytest.mark.parametrize(("ends_s", "cut"), [((20, 120), 2), ((60, 140), 2), ((60, 180), 0)])
def test_windows_of_another_length_are_switched_only_between_ends_of_live_windows(
    server: EmbeddedServer,
    store: ClickHouse,
    recording: Path,
    tmp_path: Path,
    ends_s: tuple[int, int],
    cut: int,
) -> None:
    """Live windows are minutes; the range is in seconds of the day. Two stands."""
    data_dir = json.dumps(server.address().data_dir)
    config = tmp_path / "short.yaml"
    config.write_text(f"{{measure: {{window_s: 20}}, data_dir: {data_dir}}}", encoding="utf-8")
    since, until = (datetime.fromtimestamp(START_US / 1e6 + s, UTC).strftime("%FT%T") for s in ends_s)
    asked = ["--config", str(config), "--name", "short", "--from", since, "--until", until]
    done = CliRunner().invoke(reprocess, [str(recording), *asked, "--switch", "--partial"])
    if cut:
        assert isinstance(done.exception, CheckFailedError)
        assert f"{cut} live windows cross an end of the range" in str(done.exception)
        assert versions(store) == {"1"}
    else:
        assert done.exit_code == 0, done.output
    observed = store.rows("SELECT sum(observed_ms) FROM v_windows GROUP BY stand_id")
    assert observed == [(299_800,), (299_800,)]


def test_the_replaced_views_keep_their_columns(store: ClickHouse) -> None:
    sql = "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {t:String}"
    for table, side in SIDE_TABLES.items():
        columns = store.rows(sql, {"t": table})
        assert store.rows(sql, {"t": f"v_{table}"}) == columns
        assert store.rows(sql, {"t": side}) == [("generation", "UInt64"), *columns]
    assert set(SIDE_TABLES) == set(WRITE_ORDER) - {"plays", "dead_letters"}
