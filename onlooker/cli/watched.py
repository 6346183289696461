"""The options of a service's command that say how it is watched: one decorator for all services."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, get_args

import click
import msgspec

from onlooker.cli.options import gathered
from onlooker.telemetry import Watch, telemetry
from onlooker.telemetry.logs import LogFormat
from onlooker.telemetry.watch import LOOPBACK

if TYPE_CHECKING:
    from onlooker.settings.configuration import Settings


class TelemetryFlags(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says about watching a service."""

    port: int | None = None
    host: str = LOOPBACK
    log_format: LogFormat = "text"

    def watching(self, service: str, settings: "Settings | None" = None) -> AbstractContextManager[Watch]:
        """`telemetry` as the command line wants it.

        Args:
            service: its name, for example `sink`.
            settings: their secrets are never logged or shown; None: there are none.
        """
        from onlooker.settings.passwords import secrets_of

        secrets = () if settings is None else secrets_of(settings)
        return telemetry(service, port=self.port, host=self.host, log_format=self.log_format, secrets=secrets)


telemetry_options = gathered(
    "telemetry_flags",
    TelemetryFlags,
    port=click.option(
        "--metrics-port",
        "port",
        type=click.IntRange(0, 65535),
        metavar="PORT",
        help="Serve /metrics, /healthz and /readyz there; 0: any free one, told in the log.  [default: none]",
    ),
    host=click.option(
        "--metrics-host", "host", default=LOOPBACK, show_default=True, help="Address to serve them on."
    ),
    log_format=click.option(
        "--log-format",
        type=click.Choice(get_args(LogFormat)),
        default="text",
        show_default=True,
        help="Logs on stderr: sentences for people or JSON lines for machines.",
    ),
)
"""The verb takes one `telemetry_flags: TelemetryFlags`."""
