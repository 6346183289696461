"""The ledger of reprocessings without a server: its states, the order of its steps, waiting for readers."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from onlooker.cli.reprocess import reprocess
from onlooker.wiring.reprocess import ReprocessRequest, range_of
from schemas.clocks import Clocks
from schemas.errors import UsageError
from schemas.recording.folder import Recording
from sinks.reprocessing.ledger import LEDGER, LONGEST_WAIT_S, Reprocessing, Reprocessings, default_name
from sinks.reprocessing.side import SIDE_TABLES, SideStore
from sinks.store.dialect import ONE_SERVER, Dialect
from sinks.store.migrate import released
from tests.facts import FakeClock
from tests.recordings import fill, observations
from tests.streams import START_US

MINUTE_US = 60_000_000


class Ledger:
    """A database that knows nothing but the ledger, and writes down what it is told."""

    def __init__(self) -> None:
        self.rows_of: dict[int, dict[str, Any]] = {}
        self.told: list[str] = []
        self.older_for = 0

    def insert(self, table: str, columns: Mapping[str, Any], token: str) -> None:
        self.told.append(f"insert {table} {token}")
        if table == LEDGER:
            row = {name: column[0] for name, column in columns.items()}
            self.told[-1] = f"{row['state']}"
            before = self.rows_of.get(row["generation"])
            assert before is None or before["version"] < row["version"]
            self.rows_of[row["generation"]] = row

    def command(self, sql: str) -> None:
        self.told.append(sql)
        if sql.startswith(f"ALTER TABLE {LEDGER}"):
            del self.rows_of[int(sql.rsplit(maxsplit=1)[-1])]

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        if "system.processes" in sql:
            self.told.append("older?")
            self.older_for -= 1
            return [(int(self.older_for >= 0),)]
        assert parameters is None
        return [tuple(row.values()) for row in self.rows_of.values()]


def ledger(store: Ledger, clock: FakeClock | None = None, dialect: Dialect = ONE_SERVER) -> Reprocessings:
    clock = clock or FakeClock()
    clocks = Clocks(now_us=lambda: START_US, monotonic_s=clock.now_s, sleep=clock.sleep)
    return Reprocessings(store, dialect=dialect, clocks=clocks)


def ready(there: Reprocessings, name: str = "a") -> Reprocessing:
    begun = there.begin(name, recording="r", from_us=START_US, until_us=START_US + MINUTE_US)
    return there.finish(begun, ["door"], {"1+abcdef01": "{}"})


def test_thresholds_are_known_before_they_are_shown_and_the_switch_is_the_last_row() -> None:
    store = Ledger()
    there = ledger(store)
    there.show(ready(there))
    assert store.told == [
        "writing",
        "ready",
        "insert metric_versions metric_version:1+abcdef01",
        "older?",
        "shown",
    ]
    there.show(there.named("a"))
    assert store.told[-1] == "shown"
    assert len(store.told) == 5


def test_a_discarded_one_is_unfit_before_its_rows_go_and_its_ledger_row_goes_last() -> None:
    store = Ledger()
    there = ledger(store)
    it = ready(there)
    store.told.clear()
    there.discard(it)
    tables = [sql.split()[2] for sql in store.told if sql.startswith("ALTER")]
    assert store.told[0] == "writing"
    assert tables == [*SIDE_TABLES.values(), LEDGER]
    assert there.all() == []


def test_a_switch_waits_for_questions_that_began_before_but_not_for_ever() -> None:
    for older_for, waits in ((3, True), (10_000, False)):
        store, clock = Ledger(), FakeClock()
        there = ledger(store, clock)
        store.older_for = older_for
        assert there.show(ready(there)).state == "shown"
        assert (clock.at_s < LONGEST_WAIT_S) == waits
        assert clock.at_s > 0.1


def test_on_copies_the_rows_arrive_before_the_row_that_shows_them() -> None:
    store = Ledger()
    there = ledger(store, dialect=Dialect(cluster="ads", replicated=True))
    it = there.show(ready(there))
    synced = [sql for sql in store.told if sql.startswith("SYSTEM")]
    assert synced == [f"SYSTEM SYNC REPLICA ON CLUSTER 'ads' {side}" for side in SIDE_TABLES.values()]
    assert store.told.index(synced[-1]) < store.told.index("shown")
    there.discard(there.hide(it))
    drop = f"ALTER TABLE reprocessed_visits ON CLUSTER 'ads' DROP PARTITION {it.generation}"
    assert drop in store.told


def test_a_name_that_nobody_has_is_told_with_those_there_are() -> None:
    there = ledger(Ledger())
    ready(there, "stricter")
    with pytest.raises(UsageError, match="there are: stricter"):
        there.named("other")


def test_side_rows_carry_their_generation_and_plays_are_left_out() -> None:
    found: list[tuple[str, Mapping[str, Any], str]] = []

    class Taking(Ledger):
        def insert(self, table: str, columns: Mapping[str, Any], token: str) -> None:
            found.append((table, columns, token))

    side = SideStore(Taking(), 7)
    side.insert("visits", {"looks": [1, 2]}, "t")
    side.insert("plays", {"play_id": ["p"]}, "t")
    assert found == [("reprocessed_visits", {"looks": [1, 2], "generation": [7, 7]}, "reprocessing:7:t")]


def test_the_range_is_whole_windows_around_what_was_recorded_or_asked_for(tmp_path: Path) -> None:
    fill(tmp_path / "r", observations(300))
    recording = Recording(tmp_path / "r")

    def found(**asked: Any) -> tuple[int, int]:
        return range_of(recording, ReprocessRequest(folder=recording.folder, **asked), MINUTE_US)

    assert found() == (START_US, START_US + MINUTE_US)
    assert found(from_us=START_US + 1, until_us=START_US + MINUTE_US + 1) == (
        START_US,
        START_US + 2 * MINUTE_US,
    )
    with pytest.raises(UsageError, match="empty"):
        found(from_us=START_US + 5, until_us=START_US + 5)
    with pytest.raises(UsageError, match="has no frames: it holds observations"):
        found(topic="frames")


def test_a_default_name_is_the_same_for_the_same_range() -> None:
    assert default_name("day", START_US) == default_name("day", START_US + 999) == "day-1772445600"


def test_every_replaced_view_asks_the_one_view_of_layers() -> None:
    (migration,) = (each for each in released() if each.name == "reprocessing")
    views = {s.split("\n", 1)[0]: s for s in migration.statements if s.startswith("CREATE OR REPLACE VIEW")}
    assert set(views) == {f"CREATE OR REPLACE VIEW v_{table}" for table in SIDE_TABLES}
    before = {s.split("\n", 1)[0]: s for each in released()[:4] for s in each.statements}
    for name, sql in views.items():
        assert sql.count("(SELECT layers FROM reprocess_layers)") == 8, name
        assert not re.search(r"FROM (reprocessings|system)", sql), name
        columns, comment = sql.split("\nAS SELECT")[0].split("\n", 1)[1], sql.rsplit("\nCOMMENT ", 1)[1]
        old = before[name.replace("OR REPLACE ", "")]
        assert old.split("\nAS SELECT")[0].split("\n", 1)[1] == columns
        assert old.rsplit("\nCOMMENT ", 1)[1] == comment


@pytest.mark.parametrize(
    "asked",
    [
        [],
        ["--switch"],
        ["--list", "--discard", "a"],
        ["--switch-back", "a", "--name", "b"],
        ["--list", "--switch"],
    ],
)
def test_contradictions_are_refused_before_anything_is_opened(asked: list[str]) -> None:
    done = CliRunner().invoke(reprocess, asked)
    assert done.exit_code == 2, done.output
    assert "--list" in done.output
