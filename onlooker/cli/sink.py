"""`onlooker sink`: the service that writes facts from Kafka to ClickHouse."""

import threading

import click

from onlooker.cli.options import Given, settings_options
from onlooker.cli.watched import TelemetryFlags, telemetry_options


@click.command()
@settings_options("database", "brokers")
@telemetry_options
def sink(given: Given, telemetry_flags: TelemetryFlags) -> None:
    """Write what the topics carry into ClickHouse, each fact once, whoever is killed meanwhile.

    Several sinks share the work; one that dies is replaced by the others, which end what it had begun.
    While Kafka or ClickHouse is away the sink waits, keeps its partitions and loses nothing. All sinks of a
    group write to one database; another one is refused, until `onlooker rebind` gives it the group.

    \b
    Examples:
      onlooker sink --bootstrap 127.0.0.1:9092 --url clickhouse://sink:secret@db:9000/onlooker
      onlooker sink --config shop.yaml --metrics-port 9103
    """
    from onlooker.foreground.stopping import stopped_by_signals
    from onlooker.settings.judgement import Needs
    from onlooker.wiring.sink import execute_sink

    settings = given.settings("clickhouse", "kafka", "registry", needs=Needs(data_dir=True))
    stop = threading.Event()
    with telemetry_flags.watching("sink", settings) as watch, stopped_by_signals(stop):
        execute_sink(settings, watch, stop)
