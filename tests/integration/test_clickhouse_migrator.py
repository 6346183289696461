"""The migrator of docs/security.md does what docs/operations.md tells it: the page's own lines, over TLS."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from sinks.store.address import Address
from sinks.store.clickhouse import ClickHouse
from sinks.store.embedded import files as embedded_files
from sinks.store.embedded.server import EmbeddedServer
from sinks.store.migrate import released
from tests.certificates import Authority
from tests.integration.test_clickhouse_users import PASSWORD, users_xml
from tests.tls_hop import TlsHop

pytestmark = [pytest.mark.clickhouse]

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
SERVER = "db.example:9440"


def block(kind: str, words: str) -> str:
    """The block of the page that has these words in it."""
    (found,) = (b for b in re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL) if words in b)
    return str(found)


def migrating() -> list[str]:
    """The lines of the page from the first that is about the migrator to the last."""
    lines = [
        line
        for line in block("sh", "onlooker migrate --dry-run").splitlines()
        if "CLICKHOUSE" in line or "migrate" in line
    ]
    assert len(lines) == 5
    return lines


class Place:
    """A site with its configuration and secrets, and a server behind TLS that has users and no tables."""

    def __init__(self, folder: Path, address: Address, port: int, ca_file: Path) -> None:
        self.folder = folder
        self.address = address
        self.server = f"127.0.0.1:{port}"
        (folder / "secrets").mkdir()
        for name in ("clickhouse", "migrator"):
            (folder / "secrets" / name).write_text(f"{PASSWORD}\n", encoding="utf-8")
            (folder / "secrets" / name).chmod(0o600)
        (folder / "ca.pem").write_bytes(ca_file.read_bytes())

    def configured(self, **clickhouse: Any) -> None:
        """Write the page's configuration, with our server and authority in it."""
        settings = yaml.safe_load(block("yaml", "# shop.yaml of one site").replace(SERVER, self.server))
        settings["clickhouse"] |= {"ca_file": "ca.pem", **clickhouse}
        (self.folder / "shop.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")

    def types(self, lines: str) -> subprocess.CompletedProcess[str]:
        """Run lines of a shell, as they stand on the page but for the server."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["bash", "-ec", lines.replace(SERVER, self.server)],
            cwd=self.folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(embedded_files, "USERS", users_xml())
    authority = Authority(tmp_path)
    (tmp_path / "site").mkdir()
    with (
        EmbeddedServer(tmp_path / "data") as running,
        TlsHop(running.address().port, authority.server("server")) as hop,
    ):
        yield Place(tmp_path / "site", running.address(), hop.port, authority.ca_file)


def migrations(server: Address) -> int:
    who = msgspec.structs.replace(server, user="migrator", password=PASSWORD)
    with closing(ClickHouse(who)) as store:
        return int(store.rows("SELECT count() FROM schema_migrations")[0][0])


def test_the_migrator_makes_the_tables_with_the_lines_of_the_page(place: Place) -> None:
    place.configured()
    dry = place.types("\n".join(line for line in migrating() if "migrate --config" not in line))
    assert dry.returncode == 0, dry.stderr
    assert "ON CLUSTER 'ads'" in dry.stdout
    assert "ENGINE = ReplicatedReplacingMergeTree" in dry.stdout

    # A server alone has no cluster and no Keeper: from here on the file names none.
    place.configured(cluster=None, replicated=False)
    done = place.types("\n".join(migrating()))
    assert done.returncode == 0, done.stderr
    names = ", ".join(f"{m.number:04} {m.name}" for m in released())
    assert done.stderr.splitlines() == [f"would run: {names}", f"ran: {names}"]
    assert migrations(place.address) == len(released())

    asked = place.types("onlooker migrate --config shop.yaml")
    assert (asked.returncode, asked.stderr) == (0, "ran: nothing\n"), "the user of the file may look"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("onlooker migrate --config shop.yaml", "refuses user 'migrator'"),
        (
            "ONLOOKER_CLICKHOUSE_PASSWORD_FILE=secrets/nowhere onlooker migrate --config shop.yaml",
            "secrets/nowhere (ONLOOKER_CLICKHOUSE_PASSWORD_FILE) cannot be read",
        ),
        (
            "onlooker migrate --url clickhouse://migrator@db.example:9440/onlooker?secure=1",
            "clickhouse.ca_file",
        ),
    ],
)
def test_what_is_missing_is_one_sentence(place: Place, line: str, words: str) -> None:
    place.configured(
        url=f"clickhouse://migrator@{place.server}/onlooker?secure=1", password_file=None, cluster=None
    )
    done = place.types(line)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert PASSWORD not in done.stderr


def test_flags_win_over_the_environment_and_the_file(place: Place) -> None:
    place.configured(cluster=None, replicated=False)
    environment = (
        f"ONLOOKER_CLICKHOUSE_URL=clickhouse://nobody@127.0.0.1:1 ONLOOKER_CLICKHOUSE_PASSWORD='{PASSWORD}'"
    )
    url = f"--url 'clickhouse://migrator@{SERVER}/onlooker?secure=1'"
    done = place.types(f"{environment} onlooker migrate --config shop.yaml {url}")
    assert done.returncode == 0, done.stderr
    assert migrations(place.address) == len(released())
    dry = place.types(f"{environment} onlooker migrate --dry-run --config shop.yaml {url} --cluster ads")
    assert (dry.returncode, dry.stderr) == (0, "would run: nothing\n")
