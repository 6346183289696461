"""The comparison of the chaos test can fail: a row lost, doubled or changed is found, in views and raw."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from sinks.store.clickhouse import ClickHouse, create_database
from sinks.store.embedded.server import EmbeddedServer
from sinks.store.migrate import migrate, released
from tests.chaos.compare import compared
from tests.chaos.expected import write_synthetic
from tests.chaos.tables import make_witnesses
from tests.streams import StreamOptions, synthetic

pytestmark = [pytest.mark.clickhouse]
STREAM = StreamOptions(observations=3000, seed=2, stands=2, late_share=0.02)


@pytest.fixture
def found(tmp_path: Path) -> Iterator[ClickHouse]:
    """A database and an undisturbed one with the same rows."""
    with EmbeddedServer(tmp_path / "server") as server:
        for database in ("undisturbed", "onlooker"):
            address = msgspec.structs.replace(server.address(), database=database)
            create_database(address)
            store = ClickHouse(address)
            migrate(store, released())
            make_witnesses(store)
            write_synthetic(store, synthetic(STREAM))
        yield store
        store.close()


def tables(store: ClickHouse) -> set[str]:
    return {each.table for each in compared(store, "undisturbed")[0]}


def test_equal_rows_have_no_difference(found: ClickHouse) -> None:
    assert compared(found, "undisturbed") == ([], 0)
    (once,) = found.rows("SELECT count() FROM visits")[0]
    (ever,) = found.rows("SELECT count() FROM inserted_visits")[0]
    assert once > 10
    assert ever >= once


def test_a_double_row_is_found_although_no_view_shows_it(found: ClickHouse) -> None:
    found.command("SYSTEM STOP MERGES visits")
    found.command("INSERT INTO visits SELECT * FROM visits LIMIT 1")
    assert tables(found) == {"visits", "inserted_visits"}


def test_a_lost_row_is_found(found: ClickHouse) -> None:
    found.command(
        "ALTER TABLE visits DELETE WHERE visit_id = (SELECT min(visit_id) FROM v_visits) "
        "SETTINGS mutations_sync = 2"
    )
    assert {"visits", "v_visits", "v_stand_report"} <= tables(found)


def test_a_changed_row_is_found(found: ClickHouse) -> None:
    found.command(
        "ALTER TABLE campaign_windows UPDATE ots = ots + 1 WHERE plays > 0 SETTINGS mutations_sync = 2"
    )
    assert {"campaign_windows", "v_campaign_windows"} <= tables(found)


def test_a_row_torn_from_its_roll_up_is_found(found: ClickHouse) -> None:
    found.command("ALTER TABLE inserted_plays DELETE WHERE 1 SETTINGS mutations_sync = 2")
    assert "inserted_plays" in tables(found)
