"""The embedded server's life: one owner, death with its parent, a crash in the middle, questions."""

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from onlooker.models.cache import ModelCache
from onlooker.wiring import cache_dir
from schemas.errors import DependencyAwayError, LimitReachedError, UsageError
from sinks.ownership import InUseError
from sinks.service.local import LocalOptions, LocalSink
from sinks.store.address import Address
from sinks.store.clickhouse import ClickHouse
from sinks.store.embedded.asking import asking
from sinks.store.embedded.server import EmbeddedServer
from sinks.store.migrate import migrate, released
from tests.facts import exposure, play, visit_ended

pytestmark = [pytest.mark.clickhouse]
REPOSITORY = Path(__file__).resolve().parents[2]
ID = "6f6e6c6f-6f6b-5e72-8a00-6f6e6c6f6f6b"
ONE_FACT_A_BATCH = LocalOptions(max_rows=1, first_wait_s=0.02)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path_factory.mktemp("life") / "data") as running:
        write_one_fact(running)
        yield running


def write_one_fact(server: EmbeddedServer) -> None:
    """A visit that saw one play of the campaign `coffee`."""
    store = ClickHouse(server.address())
    migrate(store, released())
    writer = LocalSink(store, run_id="before")
    writer.add(visit_ended("somebody", (exposure("somebody", play()),)))
    writer.flush()


def data_dir_of(server: EmbeddedServer) -> Path:
    return Path(f"/proc/{server.pid}/cwd").resolve().parent


def onlooker(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "onlooker", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture
def doomed(tmp_path: Path) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path / "data") as running:
        migrate(ClickHouse(running.address()), released())
        yield running


def test_kill_9_in_the_middle_loses_and_doubles_nothing(doomed: EmbeddedServer) -> None:
    server, store = doomed, ClickHouse(doomed.address())
    writer = LocalSink(store, run_id="crash", options=ONE_FACT_A_BATCH, revive=server.ensure_running)
    for number in range(60):
        if number in (20, 40):
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
        name = f"visit-{number}"
        writer.add(visit_ended(name, (exposure(name, play()),)))
    writer.flush()
    assert writer.retries >= 2
    assert store.rows("SELECT count(), uniqExact(visit_id) FROM visits") == [(60, 60)]
    assert store.rows("SELECT count(), uniqExact(visit_id) FROM v_exposures") == [(60, 60)]


def test_a_second_owner_is_refused(server: EmbeddedServer) -> None:
    folder = data_dir_of(server)
    with pytest.raises(InUseError, match=f"data directory {folder} is in use by process {os.getpid()}"):
        EmbeddedServer(folder).start()
    assert ClickHouse(server.address()).rows("SELECT 1") == [(1,)]


def test_a_question_while_a_run_is_live_is_answered_by_its_server(server: EmbeddedServer) -> None:
    ClickHouse(server.address()).command("CREATE TABLE IF NOT EXISTS here (a UInt8) ENGINE = Memory")
    with asking(data_dir_of(server)) as store:
        assert ("here",) in store.rows("SHOW TABLES")


def test_secrets_are_for_the_owner_only(server: EmbeddedServer) -> None:
    folder = data_dir_of(server)
    for path in (folder / "connection.json", folder / "clickhouse.run" / "users.xml"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(UsageError, match="refuses user 'onlooker'"):
        ClickHouse(Address(host="127.0.0.1", port=server.address().port, user="onlooker")).rows("SELECT 1")
    assert server.address().password not in (folder / "clickhouse.run" / "users.xml").read_text()


def test_the_nameless_user_sees_no_data(server: EmbeddedServer) -> None:
    nobody = ClickHouse(Address(host="127.0.0.1", port=server.address().port))
    for sql in ("SELECT * FROM visits", "SYSTEM SHUTDOWN", "CREATE TABLE x (a UInt8) ENGINE = Memory"):
        with pytest.raises(UsageError):
            nobody.rows(sql)


def test_the_server_dies_with_its_parent_and_the_directory_is_free(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from sinks.store.embedded.server import EmbeddedServer\n"
        f"server = EmbeddedServer(Path({str(tmp_path / 'data')!r})); server.start()\n"
        "print(server.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 5
    while not gone(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert gone(child)
    with asking(tmp_path / "data") as store:
        assert store.rows("SELECT 1") == [(1,)]


def test_the_question_ends_its_own_server(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as running:
        first = running.pid
    assert first is not None
    assert gone(first)
    with asking(tmp_path):
        pid = json.loads((tmp_path / "connection.json").read_text())["pid"]
    assert gone(pid)
    assert not (tmp_path / "connection.json").exists()


def test_a_refused_connection_is_a_dependency_that_is_away() -> None:
    address = Address(host="127.0.0.1", port=1, password="open sesame")
    with pytest.raises(DependencyAwayError) as caught:
        ClickHouse(address).rows("SELECT 1")
    assert "sesame" not in f"{caught.value}{address}{address!r}"


def test_a_full_disk_names_the_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("sinks.store.embedded.server.write_configuration", full)
    with pytest.raises(LimitReachedError, match=str(tmp_path)):
        EmbeddedServer(tmp_path).start()


def test_query_prints_one_object_a_row(server: EmbeddedServer) -> None:
    sql = f"SELECT toUUID('{ID}') AS id, toDecimal32(1.5, 2) AS amount, NULL AS nothing"
    done = onlooker("query", "--json", sql, "--data-dir", str(data_dir_of(server)))
    assert done.returncode == 0, done.stderr
    expected = {"id": ID, "amount": "1.5", "nothing": None}
    assert [json.loads(line) for line in done.stdout.splitlines()] == [expected]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["query", "SELEC 1", "--data-dir", "{live}"], 2, "Syntax error"),
        (["query", "DROP TABLE visits", "--data-dir", "{live}"], 2, "only reading is allowed"),
        (["query", "SELECT 1", "--data-dir", "/nowhere/at/all"], 2, "there is no data in /nowhere/at/all"),
        (["query", "SELECT 1", "--url", "clickhouse://u:sesame@127.0.0.1:1/d"], 3, "no ClickHouse answers"),
        (["query", "SELECT 1", "--url", "http://u:sesame@127.0.0.1"], 2, "the ClickHouse URL cannot be read"),
        (["query", "SELECT 1", "--url", "x", "--data-dir", "y"], 2, "not both"),
        (["report", "nope", "--data-dir", "{live}"], 2, "known are: coffee"),
    ],
)
def test_trouble_is_one_sentence_and_the_right_exit_code(
    server: EmbeddedServer, arguments: list[str], code: int, words: str
) -> None:
    done = onlooker(*(a.replace("{live}", str(data_dir_of(server))) for a in arguments))
    assert done.returncode == code
    assert words in done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert "sesame" not in done.stderr


def test_migrate_by_url_creates_a_database_once_and_dry_run_changes_nothing(server: EmbeddedServer) -> None:
    address = server.address()
    url = f"clickhouse://{address.user}:{address.password}@{address.host}:{address.port}/elsewhere"
    dry = onlooker("migrate", "--dry-run", "--url", url)
    assert dry.returncode == 0, dry.stderr
    assert "CREATE TABLE IF NOT EXISTS visits" in dry.stdout
    databases = ClickHouse(address).rows("SHOW DATABASES")
    assert ("elsewhere",) not in databases
    first = onlooker("migrate", "--url", url)
    names = ", ".join(f"{m.number:04} {m.name}" for m in released())
    assert (first.returncode, first.stderr) == (0, f"ran: {names}\n")
    again = onlooker("migrate", "--url", url)
    assert (again.returncode, again.stderr) == (0, "ran: nothing\n")
    empty = onlooker("report", "--url", url)
    assert (empty.returncode, "no campaign has been shown yet" in empty.stderr) == (2, True)


@pytest.mark.models
def test_a_run_into_a_server_by_url_makes_its_database(
    server: EmbeddedServer, model_paths: Mapping[str, Path], tmp_path: Path
) -> None:
    assert model_paths
    address = server.address()
    url = f"clickhouse://{address.user}:{address.password}@{address.host}:{address.port}/shop"
    (tmp_path / "shop.yaml").write_text(f"clickhouse: {{url: '{url}'}}\n", encoding="utf-8")
    clip = ModelCache(cache_dir()).sample_path("single_face.mp4")
    done = onlooker("run", "--config", str(tmp_path / "shop.yaml"), "--source", str(clip), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["data_dir"] is None
    shop = ClickHouse(msgspec.structs.replace(address, database="shop"))
    assert shop.rows("SELECT count() FROM v_visits") == [(1,)]
    assert address.password not in done.stdout + done.stderr
