"""The embedded server opens no file but its own, whatever the analyst asks for."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.errors import UsageError
from sinks.store.embedded.asking import asking
from sinks.store.embedded.confined import landlock_abi
from sinks.store.embedded.server import EmbeddedServer

pytestmark = [pytest.mark.clickhouse]

SECRET = "what nobody may see"
CONFINED = """
import socket, sys
from sinks.store.embedded.confined import confine
print(confine([sys.argv[1]]))
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[2])))
except PermissionError:
    print("nobody")
"""


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data directory of a running server, a secret beside it and another in its parent's environment."""
    folder = tmp_path_factory.mktemp("confined")
    (folder / "site.key").write_text(SECRET, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONLOOKER_KAFKA_PASSWORD", SECRET)
        with EmbeddedServer(folder / "data"):
            yield folder / "data"


@pytest.mark.skipif(landlock_abi() < 2, reason="the kernel has no Landlock of Linux 5.19")
@pytest.mark.parametrize("path", ["{data}/connection.json", "{data}/../site.key", "/etc/passwd"])
def test_file_reads_nothing_outside(data_dir: Path, path: str) -> None:
    with asking(data_dir) as store, pytest.raises(UsageError, match="Permission denied"):
        store.rows(f"SELECT file('{path.format(data=data_dir)}')")


def test_no_secret_is_in_the_servers_environment(data_dir: Path) -> None:
    with asking(data_dir) as store:
        found = store.rows("SELECT file('/proc/self/environ')")
    assert "TMPDIR" in str(found)
    assert SECRET not in str(found)


@pytest.mark.skipif(landlock_abi() < 4, reason="the kernel has no Landlock of Linux 6.7")
def test_a_confined_process_connects_to_nobody(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        command = [sys.executable, "-c", CONFINED, str(tmp_path), port]
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["True", "nobody"]
