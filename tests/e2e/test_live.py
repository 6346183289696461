"""A live camera that vanishes during `run` is said to be lost, reopened, and said to be back."""

import json
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.e2e.command import started
from tests.e2e.test_run import wait_for_play
from tests.integration.test_cameras import MjpegServer

pytestmark = [pytest.mark.models, pytest.mark.clickhouse]
PATIENCE_S = 60.0


def lines_of(process: subprocess.Popen[str]) -> Callable[[str], None]:
    """A function that waits for a line on the process's stderr which contains some words."""
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            lines.put(line)

    threading.Thread(target=read, daemon=True).start()

    def wait_for(words: str) -> None:
        while words not in lines.get(timeout=PATIENCE_S):
            pass

    return wait_for


def test_a_camera_that_vanishes_is_reopened(model_paths: Mapping[str, Path], tmp_path: Path) -> None:
    assert model_paths
    config = tmp_path / "shop.yaml"
    first = MjpegServer(value=30)
    config.write_text(
        f"stands: [{{stand_id: door, cameras: [{{source: 'http://127.0.0.1:{first.port}/'}}]}}]\n"
        "capture: {backoff_first_s: 0.1, backoff_max_s: 0.2, freeze_s: 2}\n",
        encoding="utf-8",
    )
    process = started("run", "--config", config, "--data-dir", tmp_path / "data", "--json")
    try:
        wait_for = lines_of(process)
        wait_for_play(process, tmp_path / "data")
        first.die()
        wait_for("door/camera-1 is lost")
        second = MjpegServer(value=180, port=first.port)
        wait_for("door/camera-1 is back")
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        found = json.loads(process.stdout.read())
        assert process.wait(PATIENCE_S) == 0
        second.die()
    finally:
        process.kill()
        process.wait()
    (camera,) = found["cameras"]
    assert camera["reopened"] >= 1
    assert found["frames"]["observed"] > 0
    assert found["faces"] == 0
