"""docker/compose.yaml and what it mounts: whole, closed, and in step with the command line."""

import importlib
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from onlooker.cli.root import VERBS
from onlooker.settings.configuration import load_settings
from schemas.bounds import LETTER_BYTES

DOCKER = Path(__file__).resolve().parents[2] / "docker"
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"] == "onlooker"]
ONCE = [name for name, service in SERVICES.items() if service["healthcheck"].get("disable")]
LASTING = [name for name in SERVICES if name not in ONCE]


def command_of(service: str) -> tuple[click.Command, list[str]]:
    """The command that a service calls, below its groups, and the arguments that are left."""
    verb, *arguments = SERVICES[service]["command"]
    assert verb in VERBS, f"{service}: there is no verb {verb}"
    command = getattr(importlib.import_module(VERBS[verb][0]), verb.replace("-", "_"))
    while isinstance(command, click.Group):
        command = command.commands[arguments.pop(0)]
    assert isinstance(command, click.Command)
    return command, arguments


def bind_mounts(service: dict[str, Any]) -> list[dict[str, Any]]:
    return [volume for volume in service.get("volumes", ()) if isinstance(volume, dict)]


def test_the_services_of_the_deployment_are_there() -> None:
    assert {"kafka", "clickhouse", "capture", "observe", "measure", "sink", "prometheus", "grafana"} <= set(
        SERVICES
    )
    assert SERVICES["observe"]["deploy"]["replicas"] == SERVICES["measure"]["deploy"]["replicas"] == 2
    assert ONCE == ["topics"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_watched_limited_and_told_what_to_do_when_it_ends(name: str) -> None:
    service = SERVICES[name]
    limits = service["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory", "pids"}
    assert service["restart"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["logging"]["options"]["max-size"]
    if name in LASTING:
        assert {"test", "interval", "timeout", "retries", "start_period"} <= set(service["healthcheck"])


@pytest.mark.parametrize("name", OURS)
def test_our_services_have_no_rights_and_no_file_system_to_write_to(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert re.search(rf"useradd .*--uid {service['user'].split(':')[0]} ", dockerfile())
    assert all(mount["read_only"] for mount in bind_mounts(service))
    assert "environment" not in service, "secrets come as files"


@pytest.mark.parametrize("name", OURS)
def test_the_command_line_understands_the_command(name: str) -> None:
    command, arguments = command_of(name)
    context = command.make_context(name, arguments, resilient_parsing=False)
    mounted = [mount["target"] for mount in bind_mounts(SERVICES[name])]
    assert str(context.params["config_path"]) in mounted


@pytest.mark.parametrize("name", [name for name in OURS if name in LASTING])
def test_a_service_is_asked_where_it_answers(name: str) -> None:
    _, arguments = command_of(name)
    port = arguments[arguments.index("--metrics-port") + 1]
    assert arguments[arguments.index("--metrics-host") + 1] == "0.0.0.0"
    assert f"127.0.0.1:{port}/readyz" in SERVICES[name]["healthcheck"]["test"][-1]
    prometheus = yaml.safe_load((DOCKER / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    ours, always = prometheus["scrape_configs"][:2]
    assert name in ours["dns_sd_configs"][0]["names"]
    assert str(ours["dns_sd_configs"][0]["port"]) == port
    assert f"{name}:{port}" in always["static_configs"][0]["targets"]


@pytest.mark.parametrize("name", SERVICES)
def test_everything_that_is_named_is_there(name: str) -> None:
    service = SERVICES[name]
    for mount in bind_mounts(service):
        assert (DOCKER / mount["source"]).exists(), mount["source"]
    for volume in (volume for volume in service.get("volumes", ()) if isinstance(volume, str)):
        assert volume.split(":")[0] in COMPOSE["volumes"]
    assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
    for other, how in service.get("depends_on", {}).items():
        expected = "service_completed_successfully" if other in ONCE else "service_healthy"
        assert how == {"condition": expected}


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_is_reachable_from_outside_and_images_are_pinned(name: str) -> None:
    service = SERVICES[name]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert name in OURS or re.search(r":v?\d+\.\d+", service["image"])


def test_the_secrets_are_made_once_and_only_for_this_user(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    subprocess.run([DOCKER / "secrets.sh", folder], check=True, capture_output=True)
    made = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(made) == set(COMPOSE["secrets"])
    assert all(re.fullmatch(r"[0-9a-f]{48}", secret) for secret in made.values())
    assert len(set(made.values())) == len(made)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    subprocess.run([DOCKER / "secrets.sh", folder], check=True, capture_output=True)
    assert {path.name: path.read_text() for path in folder.iterdir()} == made


def test_the_configuration_fits_the_services(tmp_path: Path) -> None:
    settings = load_settings(DOCKER / "onlooker.yaml")
    kafka = SERVICES["kafka"]["environment"]
    assert f"SERVICES://{settings.kafka.bootstrap}" in kafka["KAFKA_ADVERTISED_LISTENERS"].split(",")
    address = settings.clickhouse.address()
    assert address is not None
    database = SERVICES["clickhouse"]["environment"]
    assert (address.host, address.user, address.database) == (
        "clickhouse",
        database["CLICKHOUSE_USER"],
        database["CLICKHOUSE_DB"],
    )
    assert str(settings.clickhouse.password_file) == database["CLICKHOUSE_PASSWORD_FILE"]
    written = [v.split(":")[1] for v in SERVICES["capture"]["volumes"] if isinstance(v, str)]
    assert [str(settings.data_dir)] == written
    assert f"--mode 0750 {settings.data_dir}" in dockerfile(), "a new volume takes the folder's owner over"


def test_brokers_take_the_largest_message() -> None:
    properties = (DOCKER / "kafka" / "server.properties").read_text(encoding="utf-8")
    assert SERVICES["kafka"]["environment"]["KAFKA_MESSAGE_MAX_BYTES"] == LETTER_BYTES
    assert f"\nmessage.max.bytes={LETTER_BYTES}\n" in properties


def test_the_image_runs_unprivileged_and_takes_in_nothing_but_the_code() -> None:
    lines = dockerfile().splitlines()
    stages = [i for i, line in enumerate(lines) if line.startswith("FROM ")]
    assert any(line.startswith("USER 10001") for line in lines[stages[-1] :])
    assert not [line for line in lines if re.match(r"(ARG|ENV) .*(PASSWORD|SECRET|TOKEN)", line)]
    ignored = (DOCKER.parent / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        source
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }
    assert "*" in ignored
    assert copied == allowed
    assert all((DOCKER.parent / source).exists() for source in copied)


def test_docker_itself_finds_the_file_in_order() -> None:
    docker = shutil.which("docker")
    if (
        docker is None
        or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no docker client with compose here")
    done = subprocess.run(
        [docker, "compose", "-f", str(DOCKER / "compose.yaml"), "config", "-q"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def dockerfile() -> str:
    """The recipe of the image, with continued lines joined."""
    return (DOCKER / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
