"""The options of a service's command that say how it is watched: one decorator for all services."""

import functools
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, get_args

import click
import msgspec

from onlooker.telemetry.logs import LogFormat
from onlooker.telemetry.watch import LOOPBACK, Watch, telemetry

Command = Callable[..., Any]
_OPTIONS = (
    click.option(
        "--metrics-port",
        type=click.IntRange(0, 65535),
        metavar="PORT",
        help="Serve /metrics, /healthz and /readyz there; 0: any free one, told in the log.  [default: none]",
    ),
    click.option("--metrics-host", default=LOOPBACK, show_default=True, help="Address to serve them on."),
    click.option(
        "--log-format",
        type=click.Choice(get_args(LogFormat)),
        default="text",
        show_default=True,
        help="Logs on stderr: sentences for people or JSON lines for machines.",
    ),
)


class TelemetryFlags(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says about watching a service."""

    port: int | None = None
    host: str = LOOPBACK
    log_format: LogFormat = "text"

    def watching(self, service: str, *, secrets: Iterable[str] = ()) -> AbstractContextManager[Watch]:
        """`telemetry` as the command line wants it.

        Args:
            service: its name, for example `sink`.
            secrets: values that must never be logged or shown.

        Returns:
            A context manager that yields the watch.
        """
        return telemetry(service, port=self.port, host=self.host, log_format=self.log_format, secrets=secrets)


def telemetry_options(command: Command) -> Command:
    """The options `--metrics-port`, `--metrics-host` and `--log-format` of a service.

    Example:
        @click.command()
        @telemetry_options
        def sink(telemetry_flags: TelemetryFlags) -> None:
            with telemetry_flags.watching("sink") as watch: ...

    Args:
        command: the function of the verb; it takes one `telemetry_flags: TelemetryFlags`.

    Returns:
        The same, with the options.
    """

    @functools.wraps(command)
    def bundled(*args: Any, **options: Any) -> Any:
        flags = TelemetryFlags(
            port=options.pop("metrics_port"),
            host=options.pop("metrics_host"),
            log_format=options.pop("log_format"),
        )
        return command(*args, telemetry_flags=flags, **options)

    for option in reversed(_OPTIONS):
        bundled = option(bundled)
    return bundled
