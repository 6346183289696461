"""`onlooker sink`: the service that writes facts from Kafka to ClickHouse."""

import threading
from pathlib import Path

import click
import msgspec

from onlooker.telemetry import TelemetryFlags, telemetry_options


@click.command()
@click.option(
    "--config", "config_path", type=click.Path(path_type=Path, dir_okay=False), help="A configuration (YAML)."
)
@click.option("--bootstrap", metavar="HOST:PORT,...", help="Kafka's brokers [127.0.0.1:9092].")
@click.option("--url", help="A ClickHouse server: clickhouse://user:password@host:9000/database")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), help="An embedded ClickHouse in this folder instead."
)
@telemetry_options
def sink(
    config_path: Path | None,
    bootstrap: str | None,
    url: str | None,
    data_dir: Path | None,
    telemetry_flags: TelemetryFlags,
) -> None:
    """Write what the topics carry into ClickHouse, each fact once, whoever is killed meanwhile.

    Several sinks share the work; one that dies is replaced by the others, which end what it had begun.
    While Kafka or ClickHouse is away the sink waits, keeps its partitions and loses nothing.

    \b
    Examples:
      onlooker sink --bootstrap 127.0.0.1:9092 --url clickhouse://sink:secret@db:9000/onlooker
      onlooker sink --config shop.yaml --metrics-port 9103
    """
    import os

    from onlooker.foreground.stopping import stopped_by_signals
    from onlooker.settings.configuration import load_settings
    from onlooker.settings.passwords import secrets_of, with_secrets
    from onlooker.wiring.sink import SinkRequest, execute_sink

    settings = with_secrets(load_settings(config_path), os.environ)
    if url is not None:
        clickhouse = msgspec.structs.replace(settings.clickhouse, url=url)
        settings = msgspec.structs.replace(settings, clickhouse=clickhouse)
    stop = threading.Event()
    request = SinkRequest(bootstrap=bootstrap, url=url, data_dir=data_dir)
    with telemetry_flags.watching("sink", secrets=secrets_of(settings)) as watch, stopped_by_signals(stop):
        execute_sink(settings, request, watch, stop)
