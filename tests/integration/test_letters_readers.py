"""Who reads dead letters in an embedded database: the operator, and by no way the analyst."""

import contextlib
import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from onlooker.settings.configuration import Settings
from onlooker.wiring.database import opened
from schemas.dead_letters import letter_of
from schemas.errors import UndecodableError, UsageError
from sinks.letters.stored import Choice, counts_of, letters_of
from sinks.service.local import LocalSink
from sinks.store.clickhouse import ClickHouse
from sinks.store.embedded.asking import asking
from sinks.store.embedded.server import EmbeddedServer
from sinks.store.migrate import migrate, released
from tests.e2e.command import onlooker
from tests.facts import exposure, play, visit_ended

pytestmark = [pytest.mark.clickhouse]

SECRET = b"what nobody may see"
LETTER = letter_of(
    UndecodableError("not_framed", "Somebody's."),
    service="sink",
    topic="visits.v1",
    partition=0,
    offset=7,
    incarnation="first",
    key=b"entrance",
    value=SECRET,
    now_us=time.time_ns() // 1000,
)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory with a visit and a letter, its server running."""
    folder = tmp_path_factory.mktemp("letters") / "data"
    with EmbeddedServer(folder) as server, closing(ClickHouse(server.address())) as store:
        migrate(store, released())
        writer = LocalSink(store, run_id="letters")
        writer.add(visit_ended("somebody", (exposure("somebody", play("tea"), (1.0,)),)))
        writer.flush()
        fields = {
            name: [getattr(LETTER, name)] for name in ("letter_id", "service", "cause", "detail", "topic")
        }
        numbers = {"partition": [0], "offset": [7], "failed_at": [LETTER.failed_us]}
        own = {"_topic": ["dead_letters.v1"], "_partition": [0], "_offset": [1]}
        store.insert(
            "dead_letters", {**fields, **numbers, "key": [LETTER.key], "value": [SECRET], **own}, "one"
        )
        yield folder


WAYS = [
    "SELECT * FROM dead_letters",
    "SELECT * FROM v_dead_letters",
    "SELECT hex(value) FROM onlooker.dead_letters",
    "SELECT value FROM merge('onlooker', '^dead_letters$')",
    "SELECT value FROM merge('onlooker', 'dead_letters')",
    "SELECT * FROM merge(REGEXP('.*'), 'dead_letters')",
    "SELECT value FROM merge('onlooker', '.*')",
    "SELECT * FROM view(SELECT * FROM v_dead_letters)",
    "SELECT * FROM mergeTreeIndex('onlooker', 'dead_letters')",
    "SELECT * FROM remote('127.0.0.1', onlooker.dead_letters)",
    "SELECT * FROM loop('onlooker', 'dead_letters')",
    "SELECT count() FROM visits WHERE (SELECT any(value) FROM dead_letters) IS NULL",
    "SELECT * FROM visits AS v LEFT JOIN dead_letters AS d ON d.service = v.stand_id",
    "SELECT name FROM file('**', 'LineAsString')",
    "DESCRIBE (SELECT * FROM dead_letters)",
    "CREATE TEMPORARY TABLE mine AS SELECT * FROM dead_letters",
    "WITH x AS (SELECT * FROM v_dead_letters) SELECT * FROM x",
    "SET readonly = 0",
]


@pytest.mark.parametrize("sql", WAYS)
def test_the_analyst_reads_no_letter_by_any_way(data_dir: Path, sql: str) -> None:
    with (
        asking(data_dir) as store,
        pytest.raises(UsageError, match=r"Not enough privileges|in readonly mode"),
    ):
        store.rows(sql)


def test_the_analyst_finds_no_letter_in_all_that_can_be_read(data_dir: Path) -> None:
    """Every table and view of the server, those of ClickHouse itself too, and all of them merged."""
    everything = "SELECT database, name FROM system.tables WHERE database IN ('onlooker', 'system')"
    with opened(Settings(data_dir=data_dir), operator=True) as store:
        names = store.rows(everything)
    assert len(names) > 30
    found = dict.fromkeys(names, "")
    with asking(data_dir) as store:
        for database, name in names:
            with contextlib.suppress(UsageError):
                found[database, name] = repr(store.rows(f"SELECT * FROM {database}.`{name}` LIMIT 10000"))
    assert found["onlooker", "visits"] not in ("", "[]")
    assert not found["onlooker", "dead_letters"]
    assert [name for name, rows in found.items() if SECRET.decode() in rows] == []


def test_the_operator_still_looks_at_letters(data_dir: Path) -> None:
    settings = Settings(data_dir=data_dir)
    with opened(settings, operator=True) as store:
        assert [letter.value for letter in letters_of(store, Choice())] == [SECRET]
        assert counts_of(store, Choice()) == [("visits.v1", "not_framed", 1)]
        with pytest.raises(UsageError):
            store.command("TRUNCATE TABLE dead_letters")
    with opened(settings) as store, pytest.raises(UsageError):
        letters_of(store, Choice())


def test_the_commands_keep_to_it(data_dir: Path, tmp_path: Path) -> None:
    config = tmp_path / "site.yaml"
    config.write_text(f"data_dir: {data_dir}\n", encoding="utf-8")
    listed = onlooker("dead-letters", "list", "--config", config, "--json")
    assert listed.code == 0, listed.err
    assert json.loads(listed.out)["value"] == SECRET.hex()
    shown = onlooker("dead-letters", "show", str(LETTER.letter_id), "--config", config)
    assert "what nobody may" in shown.out
    asked = onlooker("query", "SELECT hex(value) FROM v_dead_letters", "--config", config, "--json")
    assert asked.code == 2
    assert "privileges" in asked.err
    assert not asked.out
