"""Each service while its servers are away: it lives, says so on its pages and in its log, tells no secret."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.brokers import wait_until
from tests.ports import Port

SERVICES = {
    "capture": ["capture"],
    "measure": ["work", "--role", "measure"],
    "sink": ["sink"],
}
CONFIGURATION = """
stands: [{{stand_id: entrance, cameras: [{{source: "rtsp://ann:sesame1@127.0.0.1:{port}/x"}}]}}]
kafka: {{bootstrap: "127.0.0.1:{port}", security: SASL_PLAINTEXT, username: ann}}
clickhouse: {{url: "clickhouse://ann:sesame2@127.0.0.1:{port}/x"}}
data_dir: {folder}/data
"""


class Service:
    """A service in a process of its own, with brokers and database at a port where nobody listens."""

    def __init__(self, folder: Path, command: list[str], port: int) -> None:
        config = folder / "site.yaml"
        config.write_text(CONFIGURATION.format(port=port, folder=folder), encoding="utf-8")
        self.out, self.err = folder / "out", folder / "err"
        words = [*command, "--config", str(config), "--metrics-port", "0", "--log-format", "json"]
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "onlooker", *words],
                stdout=out,
                stderr=err,
                env={**os.environ, "ONLOOKER_KAFKA_PASSWORD": "sesame3"},
            )

    def lines(self) -> list[dict[str, Any]]:
        """The log, but for a line that is not written to its end."""
        whole = self.err.read_text(encoding="utf-8").rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    @property
    def url(self) -> str | None:
        """Where the pages are, once it is told."""
        assert self.process.poll() is None, self.err.read_text(encoding="utf-8")
        found = (re.search(r"http://\S+", line["message"]) for line in self.lines())
        return next((match[0] for match in found if match), None)

    def ask(self, page: str) -> tuple[int, str]:
        """Status and body of a page."""
        try:
            with urllib.request.urlopen(f"{self.url}{page}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def away(self) -> dict[str, str]:
        """What the service says is away."""
        found: dict[str, str] = json.loads(self.ask("/readyz")[1])["away"]
        return found


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    nobody = Port()
    running = Service(tmp_path, SERVICES[request.param], nobody.number)
    try:
        wait_until(lambda: running.url is not None, words=f"{request.param} serves its pages")
        yield running
    finally:
        running.process.kill()
        running.process.wait()
        nobody.free()


def test_a_service_whose_servers_are_away_lives_says_so_and_tells_no_secret(service: Service) -> None:
    wait_until(lambda: bool(service.away()), words="the service knows what is away")
    assert service.ask("/healthz")[0] == 200
    assert service.ask("/readyz")[0] == 503
    name = next(iter(service.away()))
    status, figures = service.ask("/metrics")
    assert status == 200
    assert f'onlooker_dependency_away{{dependency="{name}"}} 1.0' in figures
    told = [line for line in service.lines() if line["level"] == "warning" and "is away" in line["message"]]
    assert [line["extras"]["dependency"] for line in told].count(name) == 1
    pages = " ".join(service.ask(page)[1] for page in ("/healthz", "/readyz", "/metrics"))
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(30) in (0, 3)
    assert all(line["service"] for line in service.lines())
    assert "sesame" not in pages + service.err.read_text() + service.out.read_text()
