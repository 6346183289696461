"""`query` on a real server: bounded memory, limits that stay, questions that end with their asker."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from schemas.errors import LimitReachedError
from sinks.store.clickhouse import ClickHouse, SqlError
from sinks.store.embedded import files as embedded_files
from sinks.store.embedded.files import FIXED
from sinks.store.embedded.server import EmbeddedServer
from sinks.store.migrate import migrate, released
from tests.e2e.command import COMMAND, onlooker
from tests.sinking import url_of

pytestmark = [pytest.mark.clickhouse]
ROWS = 2_000_000
MOST_BYTES = 160 * 1024 * 1024
"""A command that holds the answer takes 280 MiB for so many rows, one that asks for a single row 110 MiB."""
LIMIT_S = 2
ENDLESS = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path_factory.mktemp("asked") / "data") as running:
        with closing(ClickHouse(running.address())) as store:
            migrate(store, released())
        yield running


def data_dir(server: EmbeddedServer) -> Path:
    return Path(f"/proc/{server.pid}/cwd").resolve().parent


PEAK = """
import sys
from pathlib import Path
from onlooker.cli.root import root
root.main(sys.argv[1:], standalone_mode=False)
lines = Path("/proc/self/status").read_text().splitlines()
print(next(line.split()[1] for line in lines if line.startswith("VmHWM:")), file=sys.stderr)
"""


def most_memory(*arguments: str | Path) -> int:
    """The largest resident memory of a command, bytes; `ru_maxrss` would count that of who starts it."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    return int(done.stderr.split()[-1]) * 1024


@pytest.mark.parametrize("form", [["--json"], []])
def test_the_memory_of_an_answer_does_not_grow_with_its_rows(server: EmbeddedServer, form: list[str]) -> None:
    sql = f"SELECT number FROM numbers({ROWS if form else 500_000})"
    assert most_memory("query", "--data-dir", data_dir(server), *form, sql) < MOST_BYTES


def test_a_hundred_thousand_rows_are_a_table_in_seconds(server: EmbeddedServer) -> None:
    sql = "SELECT number, toString(number) AS text, now() AS at, number / 3 AS share FROM numbers(100000)"
    begun_s = time.monotonic()
    ended = onlooker("query", "--data-dir", data_dir(server), sql)
    assert (ended.code, len(ended.out.splitlines())) == (0, 100_002)
    assert time.monotonic() - begun_s < 20


@pytest.mark.parametrize(
    ("sql", "mend"),
    [
        ("SELECT 1 INTO OUTFILE '{folder}/x.csv'", "> answer.jsonl"),
        ("select 1 into /* here */ outfile '{folder}/x' format CSV", "> answer.jsonl"),
        ("SHOW TABLES FORMAT CSV", "--json"),
    ],
)
def test_what_a_question_says_of_its_output_is_refused_with_the_mend(
    server: EmbeddedServer, tmp_path: Path, sql: str, mend: str
) -> None:
    ended = onlooker("query", "--data-dir", data_dir(server), sql.format(folder=tmp_path))
    assert (ended.code, ended.out) == (2, "")
    assert mend in ended.err
    assert list(tmp_path.iterdir()) == []


def test_words_that_only_look_like_such_clauses_are_answered(server: EmbeddedServer) -> None:
    sql = "SELECT '\nINTO OUTFILE \\' x\nFORMAT CSV' AS format ORDER BY format DESC"
    ended = onlooker("query", "--json", "--data-dir", data_dir(server), sql)
    assert ended.lines() == [{"format": "\nINTO OUTFILE ' x\nFORMAT CSV"}]


@pytest.fixture
def analyst(server: EmbeddedServer) -> Iterator[ClickHouse]:
    # As another client would: this one does not ask for less than it may.
    with closing(ClickHouse(server.address(analyst=True))) as store:
        yield store


@pytest.mark.parametrize("setting", [*FIXED, "readonly"])
def test_an_analyst_cannot_change_a_limit(analyst: ClickHouse, setting: str) -> None:
    was = analyst.rows(f"SELECT value FROM system.settings WHERE name = '{setting}'")
    other = "'break'" if setting == "timeout_overflow_mode" else 1
    for sql in (
        f"SELECT 1 SETTINGS {setting} = {other}",
        f"SET {setting} = {other}",
        f"SELECT 1; SET {setting} = {other}",
    ):
        with pytest.raises(SqlError):
            analyst.rows(sql)
    assert analyst.rows(f"SELECT value FROM system.settings WHERE name = '{setting}'") == was


@pytest.mark.parametrize("by", ["data-dir", "url"])
def test_nor_through_the_command(server: EmbeddedServer, by: str) -> None:
    there = data_dir(server) if by == "data-dir" else url_of(server.address(analyst=True))
    ended = onlooker("query", f"--{by}", there, "SELECT 1 SETTINGS max_execution_time = 0")
    assert (ended.code, "max_execution_time should not be changed" in ended.err) == (2, True)


def test_other_settings_are_the_analysts_own(analyst: ClickHouse) -> None:
    assert analyst.rows("SELECT getSetting('max_block_size') SETTINGS max_block_size = 77") == [(77,)]


@pytest.mark.parametrize(
    "sql",
    [
        ENDLESS,
        f"SELECT * FROM ({ENDLESS} SETTINGS max_execution_time = 0)",
        f"{ENDLESS} SETTINGS profile = 'default'",
    ],
)
def test_a_question_that_takes_too_long_ends_and_says_why(tmp_path: Path, sql: str) -> None:
    users = embedded_files.USERS.replace("<max_execution_time>60<", f"<max_execution_time>{LIMIT_S}<")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded_files, "USERS", users)
        with EmbeddedServer(tmp_path / "data") as running:
            store = ClickHouse(running.address(analyst=True))
            begun_s = time.monotonic()
            with pytest.raises(LimitReachedError, match="fewer rows"), store.streamed(sql) as answer:
                list(answer.rows)
            assert time.monotonic() - begun_s < 10 * LIMIT_S


def running_questions(server: EmbeddedServer, mark: str) -> int:
    with closing(ClickHouse(server.address())) as store:
        return int(
            store.rows(
                "SELECT count() FROM system.processes WHERE user = 'analyst' AND query LIKE {mark:String}",
                {"mark": f"%{mark}%"},
            )[0][0]
        )


def until(is_so: object, server: EmbeddedServer, mark: str) -> None:
    deadline = time.monotonic() + 20
    while bool(running_questions(server, mark)) is not is_so:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_question_ends_with_whoever_asked_it(server: EmbeddedServer, number: signal.Signals) -> None:
    mark = f"asked until {number.name}"
    sql = f"{ENDLESS} AND 'x' != '{mark}'"
    # Who runs the tests in the background has these signals ignored, and so would the child.
    command = ["env", "--default-signal", *COMMAND]
    child = subprocess.Popen(
        [*command, "query", "--data-dir", str(data_dir(server)), sql], stderr=subprocess.PIPE, text=True
    )
    until(True, server, mark)
    child.send_signal(number)
    words = child.communicate(timeout=20)[1]
    assert child.returncode == (130 if number == signal.SIGINT else -number)
    assert "Traceback" not in words
    until(False, server, mark)


@pytest.mark.parametrize("form", ["--json", ""])
def test_a_question_ends_when_its_reader_has_had_enough(server: EmbeddedServer, form: str) -> None:
    mark = f"read{form}"
    sql = f"SELECT number, '{mark}' FROM numbers(1000000000)"
    command = '"$@" | head -n 3; echo "${PIPESTATUS[0]}"'
    ended = subprocess.run(
        ["bash", "-c", command, "bash", *COMMAND, "query", "--data-dir", str(data_dir(server)),
         *filter(None, [form]), sql],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert (ended.stdout.splitlines()[-1], ended.stderr) == ("0", "")
    until(False, server, mark)


def test_an_answer_left_in_its_middle_ends_and_the_connection_goes_on(server: EmbeddedServer) -> None:
    with closing(ClickHouse(server.address(analyst=True))) as store:
        with store.streamed("SELECT number, 'left' FROM numbers(1000000000)") as answer:
            assert answer.names[0] == "number"
            assert next(answer.rows) == (0, "left")
        assert store.rows("SELECT 1") == [(1,)]
    until(False, server, "'left'")


def test_trouble_behind_the_first_rows_is_told(analyst: ClickHouse) -> None:
    sql = "SELECT throwIf(number = 300000, 'in the middle') FROM numbers(400000)"
    with analyst.streamed(sql) as answer:
        assert next(answer.rows) == (0,)
        with pytest.raises(SqlError, match="in the middle"):
            list(answer.rows)
