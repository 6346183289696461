"""The services give what the embedded run gives: equal rows in all tables, by way of Kafka."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sinks.store.clickhouse import ClickHouse
from sinks.store.embedded.server import EmbeddedServer
from tests.site import MEMBER, Site

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.clickhouse,
    pytest.mark.models,
    pytest.mark.slow,
]

TABLES = ("visits", "exposures", "plays", "campaign_windows", "audience_windows", "windows")


@pytest.fixture(scope="module")
def undisturbed(embedded: Path) -> Iterator[ClickHouse]:
    """The tables of the embedded run."""
    with EmbeddedServer(embedded) as server:
        yield ClickHouse(server.address())


@pytest.mark.parametrize("table", TABLES)
def test_the_rows_equal_those_of_the_embedded_run(site: Site, undisturbed: ClickHouse, table: str) -> None:
    columns = "* EXCEPT (_topic, _partition, _offset)"
    sql = f"SELECT {columns} FROM {table} ORDER BY ALL"
    expected = undisturbed.answer(sql)
    found = ClickHouse(site.database).answer(sql)
    assert found.names == expected.names
    assert len(found.rows) == len(expected.rows)
    for one, other in zip(found.rows, expected.rows, strict=True):
        assert dict(zip(found.names, one, strict=True)) == dict(zip(found.names, other, strict=True))


def test_capture_accounts_for_every_frame(site: Site) -> None:
    frames = site.captured["frames"]
    assert frames["captured"] == frames["published"] == 472 + 72 + 169
    assert frames["dropped"] == 0


def test_the_member_is_recognised(site: Site) -> None:
    found = ClickHouse(site.database).rows(
        "SELECT DISTINCT member_id FROM visits WHERE member_id IS NOT NULL"
    )
    assert found == [(MEMBER,)]


def test_the_thresholds_behind_the_figures_are_stored(site: Site) -> None:
    store = ClickHouse(site.database)
    used = set(store.rows("SELECT DISTINCT metric_version FROM visits"))
    assert used <= set(store.rows("SELECT metric_version FROM v_metric_versions"))


def test_rows_tell_where_they_came_from(site: Site) -> None:
    (row,) = ClickHouse(site.database).rows(
        "SELECT groupUniqArray(_topic), uniqExact(_topic, _partition, _offset), count() FROM visits"
    )
    assert row[0] == [site.broker.topics.name("visits")]
    assert row[1] == row[2], "one message, one visit"


def test_services_end_when_asked(site: Site) -> None:
    assert set(site.running.stop().values()) == {0}, site.running.log("observe")
