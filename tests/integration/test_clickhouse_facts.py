"""The facts in a real ClickHouse: each once, in its last version, with what vanished gone."""

import re
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from onlooker.settings.configuration import CameraSettings, Settings, StandSettings
from onlooker.wiring.database import note_thresholds
from processors.thresholds import MeasureOptions
from schemas.errors import CheckFailedError
from schemas.events import DeadLetter
from schemas.ids import derive_id
from sinks.service.local import LocalSink
from sinks.store.clickhouse import ClickHouse, SqlError
from sinks.store.embedded.server import EmbeddedServer
from sinks.store.migrate import Migration, migrate, pending, released
from tests.event_samples import BY_HAND, samples
from tests.facts import (
    WRITE_ORDER,
    audience_figures,
    campaign_figures,
    exposure,
    play,
    visit_ended,
    window,
)

pytestmark = [pytest.mark.clickhouse]
RUNS = count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path_factory.mktemp("facts") / "data") as running:
        migrate(ClickHouse(running.address()), released())
        yield running


@pytest.fixture
def store(server: EmbeddedServer) -> Iterator[ClickHouse]:
    client = ClickHouse(server.address())
    for table in WRITE_ORDER:
        client.command(f"TRUNCATE TABLE {table}")
    yield client
    client.close()


def write(store: ClickHouse, *facts: Any, source: str | None = None) -> LocalSink:
    writer = LocalSink(store, run_id=source or f"run-{next(RUNS)}")
    for fact in facts:
        writer.add(fact)
    writer.flush()
    return writer


def one(store: ClickHouse, sql: str) -> object:
    return store.rows(sql)[0][0]


STORY: tuple[Any, ...] = (
    play(),
    visit_ended("a", (exposure("a", play(), (1.0, 0.5)),)),
    window((campaign_figures(),), (audience_figures(),)),
    DeadLetter(
        letter_id=derive_id("dead_letter", "visits.v1", 1, 2),
        service="sink",
        cause="truncated",
        detail="it ends too early",
        topic="visits.v1",
        partition=1,
        offset=2,
        failed_us=time.time_ns() // 1000,
        key=None,
        value=b"\x00\xff",
    ),
    *samples()[len(BY_HAND) :],
)


def test_every_table_gets_its_rows(store: ClickHouse) -> None:
    writer = write(store, *STORY)
    assert writer.rows == dict.fromkeys(WRITE_ORDER, 1)
    for table in WRITE_ORDER:
        assert one(store, f"SELECT count() FROM v_{table}") == 1, table


def test_the_same_token_twice_writes_once(store: ClickHouse) -> None:
    for _ in range(2):
        write(store, *STORY, source="same run")
    for table in WRITE_ORDER:
        assert one(store, f"SELECT count() FROM {table}") == 1, table


def test_another_run_with_the_same_offsets_is_not_lost(store: ClickHouse) -> None:
    write(store, visit_ended("a"))
    write(store, visit_ended("b"))
    assert one(store, "SELECT count() FROM v_visits") == 2


def test_another_run_with_the_same_facts_counts_nothing_twice(store: ClickHouse) -> None:
    write(store, *STORY)
    write(store, *STORY)
    for table in WRITE_ORDER:
        assert one(store, f"SELECT count() FROM v_{table}") == 1, table
    assert one(store, "SELECT sum(ots) FROM v_campaign_totals") == 1


def test_two_equal_runs_give_equal_rows(store: ClickHouse) -> None:
    def rows() -> list[object]:
        sql = "SELECT * EXCEPT (_inserted_at) FROM v_{} ORDER BY ALL"
        return [store.rows(sql.format(table)) for table in WRITE_ORDER]

    write(store, *STORY)
    first = rows()
    for table in WRITE_ORDER:
        store.command(f"TRUNCATE TABLE {table}")
    write(store, *STORY)
    assert rows() == first


def test_values_arrive_as_they_were(store: ClickHouse) -> None:
    write(store, *STORY)
    sql = (
        "SELECT toString(visit_id), toUnixTimestamp64Micro(started_at), longest_look_ms, gender FROM v_visits"
    )
    visit = visit_ended("a").visit
    assert store.rows(sql) == [(str(visit.visit_id), visit.started_us, 1, None)]
    assert one(store, "SELECT attention_by_second_ms FROM v_exposures") == [1000, 500]
    assert store.rows("SELECT attention_ms, offers, revenue FROM v_campaign_windows") == [(1500, None, None)]


@pytest.mark.parametrize("late_first", [False, True])
def test_the_higher_version_wins_whatever_comes_first(store: ClickHouse, late_first: bool) -> None:
    old = visit_ended("a", version=1, looks=1)
    new = visit_ended("a", version=2, looks=5)
    for fact in (new, old) if late_first else (old, new):
        write(store, fact)
    assert store.rows("SELECT looks, version FROM v_visits") == [(5, 2)]


def test_an_exposure_that_vanished_does_not_survive(store: ClickHouse) -> None:
    second = play("p2", campaign_id="bikes")
    write(store, visit_ended("a", (exposure("a", play(), (1.0,)), exposure("a", second, (1.0,)))))
    assert one(store, "SELECT count() FROM v_exposures") == 2
    write(store, visit_ended("a", (exposure("a", play(), (1.0,)),), version=2))
    assert store.rows("SELECT campaign_id, version FROM v_exposures") == [("coffee", 2)]


def test_a_visit_that_became_part_of_another_does_not_survive(store: ClickHouse) -> None:
    write(store, visit_ended("a", (exposure("a", play(), (1.0,)),)))
    write(store, visit_ended("a", presence_us=0, dwell_us=0, version=2))
    assert one(store, "SELECT count() FROM v_visits") == 0
    assert one(store, "SELECT count() FROM v_exposures") == 0


def test_a_campaign_that_vanished_from_a_window_does_not_survive(store: ClickHouse) -> None:
    both = (campaign_figures(), campaign_figures(campaign_id="bikes"))
    write(store, window(both, (audience_figures(gender="female"),)))
    write(store, window(both[:1], (audience_figures(gender="male"),), version=2))
    assert store.rows("SELECT campaign_id, version FROM v_campaign_windows") == [("coffee", 2)]
    assert store.rows("SELECT gender FROM v_audience_windows") == [("male",)]


def test_a_window_that_became_empty_leaves_no_figures(store: ClickHouse) -> None:
    write(store, window((campaign_figures(),), (audience_figures(),)))
    write(store, window(version=2))
    assert one(store, "SELECT count() FROM v_campaign_windows") == 0
    assert one(store, "SELECT count() FROM v_audience_windows") == 0
    assert one(store, "SELECT count() FROM v_windows") == 1


def test_migrations_run_once(store: ClickHouse) -> None:
    assert pending(store, released()) == ()
    assert migrate(store, released()) == ()


def test_a_changed_migration_is_refused(store: ClickHouse) -> None:
    first, *rest = released()
    changed = Migration(number=first.number, name=first.name, sql=first.sql + "-- edited\n")
    with pytest.raises(CheckFailedError, match="0001 facts was changed"):
        pending(store, (changed, *rest))


def test_a_database_of_a_newer_version_is_refused(store: ClickHouse) -> None:
    with pytest.raises(CheckFailedError, match="newer version"):
        pending(store, released()[:1])


def test_every_column_of_every_view_has_a_comment(store: ClickHouse) -> None:
    columns = store.rows(
        "SELECT table, name, comment FROM system.columns "
        "WHERE database = currentDatabase() AND startsWith(table, 'v_')"
    )
    made = {
        name for each in released() for name in re.findall(r"CREATE (?:OR REPLACE )?VIEW (v_\w+)", each.sql)
    }
    assert {table for table, _, _ in columns} == made
    assert len(made) >= 19
    assert [(table, name) for table, name, comment in columns if not comment] == []


def test_a_table_and_its_view_have_the_same_columns(store: ClickHouse) -> None:
    sql = "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {t:String}"
    for table in (*WRITE_ORDER, "decisions", "purchases", "metric_versions", "sink_batches", "reprocessings"):
        assert store.rows(sql, {"t": table}) == store.rows(sql, {"t": f"v_{table}"}), table


def test_thresholds_noted_by_every_run_are_shown_once(store: ClickHouse) -> None:
    stand = StandSettings(stand_id="a", cameras=(CameraSettings(source="0"),))
    settings = Settings(stands=(stand,), measure=MeasureOptions(engaged_score=40.0))
    for _ in range(2):
        note_thresholds(store, settings)
    version, thresholds = settings.measure.metric_version("a"), settings.measure.thresholds("a")
    found = store.rows("SELECT metric_version, thresholds FROM v_metric_versions")
    assert found == [(version, thresholds)]


def test_the_analyst_may_read_but_not_change(server: EmbeddedServer) -> None:
    analyst = ClickHouse(server.address(analyst=True))
    assert analyst.rows("SELECT count() >= 0 FROM v_visits") == [(1,)]
    for sql in (
        "TRUNCATE TABLE visits",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "DROP VIEW v_visits",
    ):
        with pytest.raises(SqlError):
            analyst.rows(sql)


def test_values_of_a_question_go_by_the_server(store: ClickHouse) -> None:
    hostile = "coffee' OR 1 = 1 --"
    assert store.rows("SELECT {name:String}", {"name": hostile}) == [(hostile,)]


def test_an_sql_error_is_one_line(store: ClickHouse) -> None:
    with pytest.raises(SqlError) as caught:
        store.rows("SELECT nonsense FROM v_visits")
    assert "nonsense" in str(caught.value)
    assert "\n" not in str(caught.value)
