"""What figures mean is seen where they are added up, and one time is not stored twice with two meanings."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from onlooker.reporting.figures import load_reports
from onlooker.reporting.words import provenance
from schemas.errors import UsageError
from schemas.units import US_PER_S
from sinks.service.alike import require_alike
from sinks.service.local import LocalSink
from sinks.store.clickhouse import ClickHouse
from sinks.store.embedded.server import EmbeddedServer
from sinks.store.migrate import migrate, released
from tests.facts import T0_US, exposure, play, visit_ended, window

pytestmark = [pytest.mark.clickhouse]

OTHER: dict[str, Any] = {"metric_version": "1+abcdef01"}
LATER_US = T0_US + 3600 * US_PER_S


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path_factory.mktemp("meaning") / "data") as running:
        migrate(ClickHouse(running.address()), released())
        yield running


@pytest.fixture
def store(server: EmbeddedServer) -> ClickHouse:
    store = ClickHouse(server.address())
    for table in ("visits", "exposures", "plays", "windows", "campaign_windows", "audience_windows"):
        store.command(f"TRUNCATE TABLE {table}")
    return store


def write(store: ClickHouse, name: str, *facts: Any) -> None:
    writer = LocalSink(store, run_id=name, check=partial(require_alike, store))
    for fact in facts:
        writer.add(fact)
    writer.flush()


def test_a_report_says_with_which_thresholds_and_when_its_figures_were_made(store: ClickHouse) -> None:
    first, second = play("p1"), play("p2", start_us=LATER_US, end_us=LATER_US + 10 * US_PER_S)
    seen = visit_ended("a", (exposure("a", first),))
    write(store, "one", first, seen)
    (report,) = load_reports(store, "coffee")
    assert provenance(report) == "metric version 1; models models-1"
    changed = visit_ended("b", (exposure("b", second, **OTHER),), started_us=LATER_US, ended_us=LATER_US + 9)
    write(store, "two", second, changed)
    (report,) = load_reports(store, "coffee")
    assert [each.metric_version for each in report.meanings] == ["1", "1+abcdef01"]
    words = provenance(report)
    assert "2 different sets of thresholds" in words
    assert "metric version 1 2026-02-02 10:00:00 to 10:00:10 UTC; 1+abcdef01 2026-02-02 11:00:00 to" in words


def test_the_same_time_is_not_stored_with_other_thresholds(store: ClickHouse) -> None:
    write(store, "one", window())
    write(store, "again", window())
    short = replace(window(), start_us=T0_US + 20 * US_PER_S, end_us=T0_US + 40 * US_PER_S, **OTHER)
    seen = visit_ended("b")
    for fact in (short, replace(seen, visit=replace(seen.visit, **OTHER))):
        with pytest.raises(UsageError, match=r"'entrance' .* \(metric version 1; now it is 1\+abcdef01\)"):
            write(store, "two", fact)
    assert store.rows("SELECT count() FROM v_visits") == [(0,)]
    assert store.rows("SELECT sum(observed_ms) FROM v_windows") == [(60_000,)]


def test_another_time_or_another_stand_is(store: ClickHouse) -> None:
    write(store, "one", window())
    next_us = T0_US + 60 * US_PER_S
    end_us = next_us + 20 * US_PER_S
    later = replace(window(), start_us=next_us, end_us=end_us, window_id=play().play_id, **OTHER)
    write(store, "two", later)
    write(store, "three", replace(window(), stand_id="exit", **OTHER))
    assert store.rows("SELECT count() FROM v_windows") == [(3,)]
