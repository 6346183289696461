"""The servers of a benchmark: a Kafka broker and a ClickHouse, on loopback, gone when it ends."""

import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

import onlooker
from onlooker.settings.configuration import Settings
from onlooker.wiring.database import prepare, serving
from schemas.broker import BrokerOptions
from schemas.errors import DependencyAwayError
from sinks.store.address import Address

TOOL = Path(onlooker.__file__).resolve().parent.parent / "docker" / "kafka"
CONTROLLER_ABOVE = 10_000
"""start.sh has the controller listen so many ports above the broker."""
PORTS = range(20_000, 32_000, 7)


@contextmanager
def broker(named: BrokerOptions | None, folder: Path) -> Iterator[BrokerOptions]:
    """A site of its own on a broker: topics of other sites are not touched.

    Args:
        named: brokers that run already, with their credentials; None: one is started here.
        folder: for the data of a broker started here.

    Yields:
        How to reach it, under a prefix that nobody else has.

    Raises:
        DependencyAwayError: No broker can be started here; says what is missing.
    """
    prefix = f"bench-{uuid.uuid4().hex[:8]}"
    if named is not None:
        yield msgspec.structs.replace(named, prefix=prefix)
        return
    port = _free_port()
    data = folder / "kafka"
    _call("start.sh", "--port", str(port), "--data", str(data))
    try:
        yield BrokerOptions(bootstrap=f"127.0.0.1:{port}", prefix=prefix)
    finally:
        subprocess.run([TOOL / "stop.sh", "--data", data], capture_output=True, check=False)


def _call(script: str, *arguments: str) -> None:
    path = TOOL / script
    if not path.exists():
        raise DependencyAwayError(
            "This installation cannot start a broker (docker/kafka of the source tree is not here): "
            "name a running one with --bootstrap."
        )
    done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        words = " ".join(done.stderr.split()) or "no reason was given"
        raise DependencyAwayError(
            f"No broker could be started: {words} A running one may be named with --bootstrap."
        )


def _free_port() -> int:
    for port in PORTS:
        if all(_is_free(number) for number in (port, port + CONTROLLER_ABOVE)):
            return port
    raise DependencyAwayError("No free port for a broker: name a running one with --bootstrap.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) != 0


@contextmanager
def database(folder: Path) -> Iterator[Address]:
    """A managed ClickHouse with the tables of this version; never the configured one.

    Args:
        folder: for its data.

    Yields:
        How to reach it.

    Raises:
        DependencyAwayError: It does not start.
    """
    settings = Settings(data_dir=folder / "clickhouse")
    with serving(settings) as there:
        prepare(there, settings)
        yield there.address


def url_of(address: Address) -> str:
    """The address as the configuration of a service says it.

    Args:
        address: of a server of the benchmark.

    Returns:
        A URL with the password: for a file that nobody else may read.
    """
    place = f"{address.host}:{address.port}/{address.database}"
    return f"clickhouse://{address.user}:{address.password}@{place}"
