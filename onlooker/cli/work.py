"""`onlooker work`: the service that turns frames into observations and observations into facts."""

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onlooker.cli.options import Given, bootstrap_option, config_option
from onlooker.cli.watched import TelemetryFlags, telemetry_options
from onlooker.settings.flags import Flags
from processors.topology import TOPOLOGY

if TYPE_CHECKING:
    from onlooker.settings.configuration import Settings


ROLES = tuple(stage.name for stage in TOPOLOGY)
EVERY_ROLE = ("both", "all")
"""Words for all of them at once."""


@click.command()
@click.option(
    "--role",
    type=click.Choice([*ROLES, *EVERY_ROLE]),
    default="both",
    show_default=True,
    help="`both`, or `all`, runs each as a process of its own.",
)
@config_option()
@bootstrap_option
@click.option("--gallery", type=click.Path(path_type=Path), help="Recognise the people of this gallery.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), hidden=True, help="Not used: states live in Kafka."
)
@click.option("--leashed", is_flag=True, hidden=True, help="End when standard input does.")
@telemetry_options
def work(role: str, leashed: bool, **options: Any) -> None:
    """Work on the topics: `observe` looks at frames, `measure` turns observations into visits and windows.

    Start as many as there is work; at most as many of a role as there are partitions have some. A worker
    that dies is replaced by the others, which go on at its last checkpoint. With both roles, the metrics of
    `measure` are on the port after `--metrics-port`.

    \b
    Examples:
      onlooker work --role measure --bootstrap 127.0.0.1:9092
      onlooker work --role observe --config shop.yaml --metrics-port 9102
    """
    from onlooker.foreground.stopping import stopped_by_signals
    from onlooker.settings.judgement import Needs
    from onlooker.wiring.work_roles import leash, run_roles

    given = Given(config_path=options["config_path"], flags=Flags(bootstrap=options["bootstrap"]))
    needs = Needs(models=role != "measure", people=role != "measure" and options["gallery"] is None)
    settings = given.settings("kafka", "registry", needs=needs)
    stop = threading.Event()
    with stopped_by_signals(stop):
        if leashed:
            leash(stop, sys.stdin.buffer)
        if role in EVERY_ROLE:
            sys.exit(run_roles(commands_of(options), stop, stop_s=3 * settings.work.stop_s))
        _run_one(settings, role, options, stop)


def _run_one(settings: "Settings", role: str, options: dict[str, Any], stop: threading.Event) -> None:
    from onlooker.wiring.work import WorkRequest, execute_work

    flags: TelemetryFlags = options["telemetry_flags"]
    request = WorkRequest(stage=role, gallery=options["gallery"])
    with flags.watching(f"work-{role}", settings) as watch:
        execute_work(settings, request, watch, stop)


def commands_of(options: dict[str, Any]) -> list[list[str]]:
    """The arguments of `onlooker` for each role, in the order of the topology.

    Args:
        options: those of `work`; the metrics of each role after the first are on the next port.
    """
    flags: TelemetryFlags = options["telemetry_flags"]
    shared = ["--metrics-host", flags.host, "--log-format", flags.log_format]
    for name in ("config_path", "bootstrap", "gallery"):
        flag = "--" + name.removesuffix("_path")
        shared += [] if options[name] is None else [flag, str(options[name])]
    return [["work", "--role", role, *shared, *_port(flags.port, n)] for n, role in enumerate(ROLES)]


def _port(port: int | None, after: int) -> list[str]:
    return [] if port is None else ["--metrics-port", str(port + after if port else 0)]
