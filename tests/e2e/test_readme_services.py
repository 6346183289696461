"""The README's services are started as they stand there, on a port of the test's own, and report figures."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from onlooker.models.cache import ModelCache
from onlooker.wiring import cache_dir
from schemas.broker import BrokerOptions
from tests.java import quick
from tests.ports import Port
from tests.services import end_offsets, wait_until

REPOSITORY = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.kafka,
    pytest.mark.clickhouse,
    pytest.mark.models,
    pytest.mark.slow,
]


def lines() -> list[str]:
    """The lines of the README's block about services, without their remarks."""
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    return [line.split(" # ")[0].strip() for line in block.splitlines()]


class Newcomer:
    """Somebody who types the README's lines into a shell, in a folder with a video."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.services: list[subprocess.Popen[bytes]] = []
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "ONLOOKER_KAFKA_JAVA": quick()}

    def types(self, line: str) -> subprocess.CompletedProcess[str] | None:
        """One line; None for one that goes on in the background."""
        stays, words = line.endswith("&"), shlex.split(line.removesuffix("&"))
        if words[0] == "onlooker" and words[1] != "report":
            words += ["--bootstrap", f"127.0.0.1:{self.port}"]
        elif words[0] == "docker/kafka/start.sh":
            words += ["--port", str(self.port)]
        if stays:
            with (self.folder / "services.log").open("ab") as log:
                self.services.append(
                    subprocess.Popen(words, cwd=self.folder, env=self.environment, stdout=log, stderr=log)
                )
            return None
        return subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def leaves(self) -> None:
        """End everything that was started."""
        for service in self.services:
            service.send_signal(signal.SIGTERM)
        for service in self.services:
            service.wait(60)
        self.types("docker/kafka/stop.sh")


@pytest.fixture
def newcomer(kafka_jars: None, model_paths: Mapping[str, Path], tmp_path: Path) -> Iterator[Newcomer]:
    assert model_paths
    shutil.copy(ModelCache(cache_dir()).sample_path("single_face.mp4"), tmp_path / "walk.mp4")
    (tmp_path / "docker").symlink_to(REPOSITORY / "docker")
    port = Port(and_above=10_000)
    one = Newcomer(tmp_path, port.number)
    try:
        yield one
    finally:
        one.leaves()
        port.free()


def test_the_services_of_the_readme_report_figures(newcomer: Newcomer) -> None:
    *start, report = lines()
    assert len(start) == 6
    for line in start:
        done = newcomer.types(line)
        assert done is None or done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"

    broker = BrokerOptions(bootstrap=f"127.0.0.1:{newcomer.port}")
    windows = broker.topics.name("campaign_windows")

    def all_run() -> bool:
        log = newcomer.folder / "services.log"
        assert all(service.poll() is None for service in newcomer.services), log.read_text()
        return True

    def measured() -> bool:
        return all_run() and sum(end_offsets(broker, [windows]).values()) > 0

    wait_until(measured, "a window is measured", timeout_s=90)

    def reported() -> bool:
        asked = newcomer.types(report) if all_run() else None
        return asked is not None and asked.returncode == 0 and "default" in asked.stdout

    wait_until(reported, "the report shows the campaign", timeout_s=90)
