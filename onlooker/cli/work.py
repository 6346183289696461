"""`onlooker work`: the service that turns frames into observations and observations into facts."""

import threading
from pathlib import Path

import click

from onlooker.telemetry import TelemetryFlags, telemetry_options


@click.command()
@click.option("--role", type=click.Choice(["observe", "measure", "both"]), default="both", show_default=True)
@click.option(
    "--config", "config_path", type=click.Path(path_type=Path, dir_okay=False), help="A configuration (YAML)."
)
@click.option("--bootstrap", metavar="HOST:PORT,...", help="Kafka's brokers [127.0.0.1:9092].")
@click.option("--gallery", type=click.Path(path_type=Path), help="Recognise the people of this gallery.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), hidden=True, help="Not used: states live in Kafka."
)
@telemetry_options
def work(
    role: str,
    config_path: Path | None,
    bootstrap: str | None,
    gallery: Path | None,
    data_dir: Path | None,
    telemetry_flags: TelemetryFlags,
) -> None:
    """Work on the topics: `observe` looks at frames, `measure` turns observations into visits and windows.

    Start as many as there is work; at most as many of a role as there are partitions have some. A worker
    that dies is replaced by the others, which go on at its last checkpoint.

    \b
    Examples:
      onlooker work --role measure --bootstrap 127.0.0.1:9092
      onlooker work --role observe --config shop.yaml --metrics-port 9102
    """
    del data_dir
    from onlooker.secrets import secrets_of
    from onlooker.settings import load_settings
    from onlooker.stopping import stopped_by_signals
    from onlooker.wiring.work import WorkRequest, execute_work

    settings = load_settings(config_path)
    stop = threading.Event()
    request = WorkRequest(
        stage="observe" if role == "observe" else "measure", bootstrap=bootstrap, gallery=gallery
    )
    with (
        telemetry_flags.watching(f"work-{role}", secrets=secrets_of(settings)) as watch,
        stopped_by_signals(stop),
    ):
        execute_work(settings, request, watch, stop)
