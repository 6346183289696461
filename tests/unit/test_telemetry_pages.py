"""The pages of a service: figures and health over HTTP, a clear word when the port cannot be had."""

import json
import socket
import urllib.request
from typing import Any
from urllib.error import HTTPError

import click
import pytest
from click.testing import CliRunner

from onlooker.cli.watched import TelemetryFlags, telemetry_options
from onlooker.telemetry import Limits, telemetry
from onlooker.telemetry.server import PATIENCE_S
from schemas.errors import DependencyAwayError, UsageError


def get(port: int | None, page: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{page}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def health(port: int | None, page: str) -> tuple[int, dict[str, Any]]:
    status, body = get(port, page)
    return status, json.loads(body)


def test_figures_are_served() -> None:
    with telemetry("sink", port=0) as watch:
        watch.meter.count("rows_written", 5, table="visits")
        status, body = get(watch.port, "/metrics")
    assert status == 200
    assert 'onlooker_rows_written_total{table="visits"} 5.0' in body


def test_health_and_readiness_differ_when_a_dependency_is_away() -> None:
    with telemetry("sink", port=0, secrets=["hunter2"]) as watch:
        assert health(watch.port, "/readyz")[0] == 503
        watch.pulse.beat("poll")
        assert health(watch.port, "/readyz")[0] == 200
        watch.pulse.away("clickhouse", "no answer from clickhouse://u:hunter2@db/x as hunter2")
        status, body = health(watch.port, "/healthz")
        assert status == 200
        assert body["away"] == {"clickhouse": "no answer from clickhouse://***@db/x as ***"}
        status, body = health(watch.port, "/readyz")
        assert status == 503
        assert "clickhouse" in body["away"]


def test_what_a_service_works_on_is_told_without_secrets() -> None:
    with telemetry("sink", port=0, secrets=["sesame"]) as watch:
        watch.pulse.beat("sink")
        watch.pulse.about("database", "one")
        watch.pulse.about("database", "two (db/sesame)")
        status, found = health(watch.port, "/readyz")
    assert (status, found["about"]) == (200, {"database": "two (db/***)"})


def test_a_loop_that_stands_still_is_named() -> None:
    with telemetry("sink", port=0, limits=Limits(silent_after_s=0)) as watch:
        watch.pulse.beat("poll")
        status, body = health(watch.port, "/healthz")
    assert status == 503
    assert list(body["silent_s"]) == ["poll"]


@pytest.mark.parametrize("page", ["/", "/metricsx", "/../etc/passwd", "/%00"])
def test_other_pages_are_not_there(page: str) -> None:
    with telemetry("sink", port=0) as watch:
        assert get(watch.port, page)[0] == 404


def test_a_client_that_says_nothing_keeps_nobody_waiting() -> None:
    with telemetry("sink", port=0) as watch, socket.create_connection(("127.0.0.1", watch.port or 0)):
        assert get(watch.port, "/metrics")[0] == 200
        assert PATIENCE_S < 10


def test_without_a_port_nothing_is_served() -> None:
    with telemetry("sink", port=None) as watch:
        assert watch.port is None
        watch.pulse.beat("poll")


def test_a_taken_port_is_a_sentence() -> None:
    taken = r"taken by another program.*--metrics-port"
    with (
        telemetry("sink", port=0) as watch,
        pytest.raises(UsageError, match=taken),
        telemetry("other", port=watch.port),
    ):
        pass


def test_a_wrong_host_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="--metrics-host"), telemetry("sink", port=0, host="256.1.1.1"):
        pass


def test_the_port_is_given_back_at_the_end() -> None:
    with telemetry("sink", port=0) as watch:
        port = watch.port
    with telemetry("sink", port=port) as watch:
        assert get(watch.port, "/metrics")[0] == 200


def test_the_port_is_told_and_stdout_stays_clean(capsys: pytest.CaptureFixture[str]) -> None:
    with telemetry("sink", port=0, log_format="json") as watch:
        pass
    out, err = capsys.readouterr()
    assert out == ""
    # A client of Kafka that another test has left speaks into the same log.
    assert any(f":{watch.port}" in json.loads(line)["message"] for line in err.splitlines())


def test_machines_are_told_why_a_service_ended(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DependencyAwayError), telemetry("sink", port=None, log_format="json"):
        raise DependencyAwayError("no broker answers")
    lines = map(json.loads, capsys.readouterr().err.splitlines())
    told = [(line["message"], line["extras"]) for line in lines if "exit_code" in line.get("extras", {})]
    assert told == [("no broker answers", {"exit_code": 3})]


@click.command()
@click.option("--config")
@telemetry_options
def service(config: str | None, telemetry_flags: TelemetryFlags) -> None:
    """A service."""
    with telemetry_flags.watching("service") as watch:
        click.echo(f"{config} {telemetry_flags.host} {telemetry_flags.log_format} {bool(watch.port)}")


def test_the_options_arrive_as_one_value() -> None:
    words = ["--metrics-port", "0", "--metrics-host", "127.0.0.1", "--log-format", "json", "--config", "x"]
    result = CliRunner().invoke(service, words)
    assert result.stdout == "x 127.0.0.1 json True\n"


def test_without_options_nothing_is_served() -> None:
    assert CliRunner().invoke(service).stdout == "None 127.0.0.1 text False\n"


@pytest.mark.parametrize("words", [["--metrics-port", "70000"], ["--log-format", "xml"]])
def test_a_wrong_option_is_refused(words: list[str]) -> None:
    assert CliRunner().invoke(service, words).exit_code == 2
