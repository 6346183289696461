"""The users of docs/security.md, with its very grants, can do what they must and nothing else.

The embedded server has no CREATE USER: the grants, settings and filters of the page go into its users.xml.
"""

import re
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import msgspec
import pytest

from schemas.errors import UsageError
from sinks.letters.stored import Choice, counts_of, letters_of
from sinks.reprocessing.ledger import Reprocessings
from sinks.reprocessing.side import SideStore
from sinks.service.local import LocalSink
from sinks.store.address import Address
from sinks.store.clickhouse import ClickHouse, SqlError
from sinks.store.embedded import files as embedded_files
from sinks.store.embedded.server import EmbeddedServer
from sinks.store.identity import id_of
from sinks.store.migrate import migrate, released
from tests.facts import exposure, play, visit_ended

pytestmark = [pytest.mark.clickhouse]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "security.md"
SQL = "\n".join(re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL))
STATEMENTS = [s.strip() for s in re.sub(r"--.*", "", SQL).split(";") if s.strip()]
PASSWORD = "for tests only"


def users() -> dict[str, str]:
    """The settings of each user that the page creates."""
    found = (re.fullmatch(r"CREATE USER (\w+)(.*)", s, re.DOTALL) for s in STATEMENTS)
    return {m[1]: m[2].partition("SETTINGS")[2] for m in found if m}


def grants_of(user: str) -> list[str]:
    """What the page grants a user, and takes away again."""
    ends = {"GRANT": f" TO {user}", "REVOKE": f" FROM {user}"}
    words = ((s, ends.get(s.split(maxsplit=1)[0])) for s in STATEMENTS)
    return [statement.removesuffix(end) for statement, end in words if end and statement.endswith(end)]


def filters_of(user: str) -> Iterator[tuple[str, str]]:
    for statement in STATEMENTS:
        found = re.fullmatch(
            rf"CREATE ROW POLICY \w+ ON onlooker\.(\w+) USING (.*) TO {user}", statement, re.DOTALL
        )
        if found:
            yield found[1], found[2]


def user_xml(user: str) -> str:
    grants = "".join(f"<query>{escape(grant)}</query>" for grant in grants_of(user))
    filters = "".join(f"<{view}><filter>{escape(sql)}</filter></{view}>" for view, sql in filters_of(user))
    rows = f"<databases><onlooker>{filters}</onlooker></databases>" if filters else ""
    return (
        f"<{user}><password>{PASSWORD}</password><networks><ip>127.0.0.1</ip></networks>"
        f"<profile>of_{user}</profile><quota>default</quota><grants>{grants}</grants>{rows}</{user}>"
    )


def profile_xml(user: str, settings: str) -> str:
    pairs = re.findall(r"(\w+) = ('[^']*'|\w+)", settings)
    values = "".join(f"<{name}>{escape(value.strip(chr(39)))}</{name}>" for name, value in pairs)
    fixed = re.findall(r"(\w+) = (?:'[^']*'|\w+) CONST", settings)
    constants = "".join(f"<{name}><const/></{name}>" for name in fixed)
    return (
        f"<of_{user}><async_insert>0</async_insert>{values}<constraints>{constants}</constraints></of_{user}>"
    )


def users_xml() -> str:
    profiles = "".join(profile_xml(user, settings) for user, settings in users().items())
    own = "".join(user_xml(user) for user in users() if user != "analyst")
    text = embedded_files.USERS.replace("</profiles>", f"{profiles}</profiles>")
    # The server has an analyst of its own: that of the page takes its place.
    text = re.sub(r"<analyst><password.*?</analyst>", "", text, flags=re.DOTALL)
    text = text.replace(" </users>", f"{own}{user_xml('analyst')} </users>")
    return text.replace("{analyst_sha256}", "")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded_files, "USERS", users_xml())
        with EmbeddedServer(tmp_path_factory.mktemp("users") / "data") as running:
            prepare(running.address())
            yield running.address()


def prepare(address: Address) -> None:
    """Tables made by the migrator, facts written by the sink, the advertiser's view by its owner."""
    with closing(as_user(address, "migrator")) as migrator:
        migrate(migrator, released())
        known = id_of(migrator)
        for view in (s for s in STATEMENTS if s.startswith("CREATE VIEW")):
            migrator.command(view)
    with closing(as_user(address, "sink")) as sink:
        assert migrate(sink, released()) == ()
        assert id_of(sink) == known
        writer = LocalSink(sink, run_id="users")
        for campaign, people in (("coffee", 12), ("tea", 3), ("rival", 20)):
            shown = play(campaign, campaign_id=campaign)
            writer.add(shown)
            for i in range(people):
                name = f"{campaign} {i}"
                writer.add(visit_ended(name, (exposure(name, shown, (1.0,)),)))
        writer.flush()


def as_user(address: Address, user: str) -> ClickHouse:
    return ClickHouse(msgspec.structs.replace(address, user=user, password=PASSWORD))


@pytest.fixture
def client(server: Address, request: pytest.FixtureRequest) -> Iterator[ClickHouse]:
    with closing(as_user(server, request.param)) as store:
        yield store


def to_be(user: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("client", [user], indirect=True)


def count(store: ClickHouse, table: str) -> Any:
    return store.rows(f"SELECT count() FROM {table}")[0][0]


@to_be("sink")
def test_the_sink_wrote_and_reads_its_tables(client: ClickHouse) -> None:
    assert count(client, "visits") == 35
    assert client.check_version()


@to_be("sink")
@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE visits",
        "TRUNCATE TABLE visits",
        "ALTER TABLE visits DELETE WHERE 1",
        "ALTER TABLE visits ADD COLUMN x UInt8",
        "CREATE TABLE mine (n UInt8) ENGINE = Memory",
        "INSERT INTO schema_migrations (number) VALUES (99)",
        "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'x String')",
        "SELECT * FROM v_campaign_totals",
    ],
)
def test_the_sink_may_do_nothing_else(client: ClickHouse, sql: str) -> None:
    with pytest.raises(UsageError, match=r"only reading is allowed|Not enough privileges"):
        client.command(sql)


@to_be("analyst")
def test_the_analyst_reads_the_views(client: ClickHouse) -> None:
    assert count(client, "v_visits") == 35
    assert sorted(client.rows("SELECT campaign_id, ots FROM v_campaign_totals")) == [
        ("coffee", 12),
        ("rival", 20),
        ("tea", 3),
    ]


@to_be("analyst")
def test_the_analyst_reads_every_view_but_that_of_the_dead_letters(client: ClickHouse) -> None:
    views = client.rows(
        "SELECT name FROM system.tables WHERE database = 'onlooker' AND engine = 'View' "
        "AND name NOT IN ('v_dead_letters', 'v_advertiser')"
    )
    assert len(views) >= 16
    assert all(count(client, name) >= 0 for (name,) in views)


@to_be("analyst")
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM dead_letters",
        "SELECT * FROM v_dead_letters",
        "INSERT INTO visits (stand_id) VALUES ('x')",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SET readonly = 0",
        "SET max_execution_time = 0",
        "SELECT 1 SETTINGS max_execution_time = 0",
        "SELECT 1 SETTINGS max_memory_usage = 0",
        "SELECT 1 SETTINGS max_untracked_memory = 4000000000",
    ],
)
def test_the_analyst_reads_nothing_else_and_changes_nothing(client: ClickHouse, sql: str) -> None:
    with pytest.raises(SqlError):
        client.command(sql)


@to_be("acme")
def test_an_advertiser_sees_its_own_campaigns_that_enough_people_saw(client: ClickHouse) -> None:
    assert client.rows("SELECT campaign_id, ots FROM v_advertiser") == [("coffee", 12)]
    assert client.rows("SELECT count() FROM v_advertiser WHERE campaign_id = 'rival'") == [(0,)]
    assert client.rows("SELECT DISTINCT campaign_id FROM merge('onlooker', '.*')") == [("coffee",)]


@to_be("acme")
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM v_campaign_totals",
        "SELECT * FROM v_visits",
        "SELECT * FROM visits",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM remote('127.0.0.1', onlooker.visits)",
        "SELECT 1 SETTINGS max_execution_time = 0",
        "SELECT 1 SETTINGS max_threads = 64",
    ],
)
def test_an_advertiser_sees_nothing_else(client: ClickHouse, sql: str) -> None:
    with pytest.raises(SqlError):
        client.command(sql)


@to_be("views")
def test_the_owner_of_the_views_can_only_read(client: ClickHouse) -> None:
    assert count(client, "visits") == 35
    with pytest.raises(SqlError):
        client.command("INSERT INTO visits (stand_id) VALUES ('x')")


@to_be("operator")
def test_the_operator_looks_at_dead_letters_and_notes_replays(client: ClickHouse) -> None:
    assert counts_of(client, Choice()) == []
    assert letters_of(client, Choice()) == []
    client.insert("dead_letter_replays", {"letter_id": [uuid.uuid4()]}, "one")
    assert count(client, "dead_letter_replays") == 1
    with pytest.raises(SqlError):
        client.command("SELECT * FROM v_visits")


@to_be("reprocessor")
def test_the_reprocessor_writes_beside_shows_and_discards_and_nothing_else(client: ClickHouse) -> None:
    there = Reprocessings(client)
    begun = there.begin("mine", recording="r", from_us=0, until_us=4_000_000_000_000_000)
    side = SideStore(client, begun.generation)
    writer = LocalSink(side, run_id="mine")
    writer.add(visit_ended("recomputed"))
    writer.flush()
    it = there.show(there.finish(begun, ["entrance"], {"1": "{}"}))
    assert count(client, "v_visits") == 1
    there.discard(there.hide(it))
    assert count(client, "v_visits") == 35
    assert there.all() == []
    for sql in (
        "ALTER TABLE visits DELETE WHERE 1",
        "TRUNCATE TABLE visits",
        "INSERT INTO visits (stand_id) VALUES ('x')",
        "SELECT * FROM dead_letters",
    ):
        with pytest.raises(SqlError):
            client.command(sql)


@to_be("migrator")
def test_every_table_of_the_release_is_somebodys_to_write(client: ClickHouse) -> None:
    tables = client.rows(
        "SELECT name FROM system.tables WHERE database = 'onlooker' AND engine LIKE '%MergeTree' "
        "AND name NOT IN ('schema_migrations', 'database_identity')"
    )
    grants = [grant for user in ("sink", "operator", "reprocessor") for grant in grants_of(user)]
    assert {name for (name,) in tables} == {g.split("onlooker.")[1] for g in grants if "INSERT" in g}
