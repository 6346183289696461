"""A camera that hangs while it is opened, and a process that is asked to end just then: it ends, and well."""

import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.brokers import KafkaCluster
from tests.e2e.command import COMMAND, onlooker
from tests.topics import create_topics

SITE = """
data_dir: {folder}
kafka: {{bootstrap: "{bootstrap}", prefix: hanging-{number}}}
publish: {{flush_s: 0.1, request_timeout_s: 1}}
capture: {{open_timeout_s: 60}}
stands: [{{stand_id: entrance, cameras: [{{source: "{source}"}}]}}]
"""
GOES_ON_S = (0.0, 0.1)
"""So long after its last word the driver's call comes back: the interpreter is being taken down by then."""


class Silent:
    """A server that takes connections and says nothing, until it hangs up."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.taken = threading.Event()
        self._connections: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                self._connections.append(self._listener.accept()[0])
            except OSError:
                return
            self.taken.set()

    def hang_up(self) -> None:
        self._listener.close()
        for connection in self._connections:
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()


def begun(
    folder: Path, verb: list[str], source: str, *, number: int, bootstrap: str = "127.0.0.1:1"
) -> subprocess.Popen[str]:
    folder = folder / str(number)
    folder.mkdir()
    config = folder / "site.yaml"
    config.write_text(SITE.format(folder=folder, source=source, bootstrap=bootstrap, number=number))
    if verb == ["capture"]:
        create_topics(config)  # only the owner of a camera opens it
    return subprocess.Popen(
        [*COMMAND, *verb, "--config", str(config), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def code_and_words(
    folder: Path, verb: list[str], scheme: str, goes_on_s: float, *, bootstrap: str
) -> tuple[int, str]:
    """How a command ends whose camera's call comes back so long after the last word, s."""
    server = Silent()
    source = f"{scheme}://127.0.0.1:{server.port}/stream"
    child = begun(folder, verb, source, number=server.port, bootstrap=bootstrap)
    assert child.stdout is not None
    assert server.taken.wait(60)
    time.sleep(0.2)
    child.send_signal(signal.SIGTERM)
    child.stdout.readline()
    time.sleep(goes_on_s)
    server.hang_up()
    words = child.communicate(timeout=60)[1]
    return child.returncode, words


@pytest.mark.kafka
@pytest.mark.models
@pytest.mark.parametrize("scheme", ["http", "rtsp"])
@pytest.mark.parametrize("verb", [["run", "--no-clickhouse"], ["capture"]])
def test_a_hanging_camera_does_not_spoil_the_end(
    model_paths: Mapping[str, Path], kafka: KafkaCluster, tmp_path: Path, verb: list[str], scheme: str
) -> None:
    def ended(goes_on_s: float) -> tuple[int, str]:
        return code_and_words(tmp_path, verb, scheme, goes_on_s, bootstrap=kafka.bootstrap)

    with ThreadPoolExecutor(len(GOES_ON_S)) as several:
        found = list(several.map(ended, GOES_ON_S))
    assert [code for code, _ in found] == [0] * len(GOES_ON_S)
    assert not any("terminate" in words or "Traceback" in words for _, words in found)


@pytest.mark.models
def test_neither_does_one_that_nobody_answers_for(model_paths: Mapping[str, Path], tmp_path: Path) -> None:
    # A full queue of connections: the next one is neither taken nor refused.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as hole:
        port = hole.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        child = begun(tmp_path, ["run", "--no-clickhouse"], f"rtsp://127.0.0.1:{port}/stream", number=1)
        time.sleep(4)
        child.send_signal(signal.SIGTERM)
        words = child.communicate(timeout=60)[1]
    assert (child.returncode, "terminate" in words) == (0, False)


@pytest.mark.parametrize("verb", [["analyze"], ["run", "--no-clickhouse", "--source"]])
def test_a_pipe_is_no_video_and_is_not_waited_for(tmp_path: Path, verb: list[str]) -> None:
    pipe = tmp_path / "pipe.mp4"
    subprocess.run(["mkfifo", pipe], check=True)
    found = onlooker(*verb, pipe)
    assert found.code == (0 if verb == ["analyze"] else 2)
    assert "Traceback" not in found.err
