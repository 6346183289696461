"""What a service is watched by: its logs, its figures, its health, and the pages that show them."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext

import msgspec

from onlooker.telemetry.logs import LogFormat, logging_to
from onlooker.telemetry.meter import PrometheusMeter
from onlooker.telemetry.pulse import Limits, ProgressPulse
from onlooker.telemetry.redaction import Redaction
from onlooker.telemetry.server import Pages, serving
from schemas.errors import OnlookerError
from schemas.files import trouble_of
from schemas.metrics import Meter, Pulse

log = logging.getLogger(__name__)
LOOPBACK = "127.0.0.1"


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """What a service hands to its parts."""

    meter: Meter
    pulse: Pulse
    port: int | None
    """Where the pages are served; None: nowhere."""


@contextmanager
def telemetry(
    service: str,
    *,
    port: int | None,
    host: str = LOOPBACK,
    log_format: LogFormat = "text",
    secrets: Iterable[str] = (),
    limits: Limits = Limits(),  # noqa: B008 - a frozen value
) -> Iterator[Watch]:
    """Watch over a service: configure its logs, serve its figures and health until the block ends.

    Args:
        service: its name, for example `sink`.
        port: of /metrics, /healthz and /readyz; 0: any free one, told in the log; None: no pages.
        host: address to listen on; 0.0.0.0 lets other machines read the pages.
        log_format: `text` for people, `json` for machines; both on stderr.
        secrets: values that must never be logged or shown, as `secrets_of` gives them.
        limits: how long a loop may be silent.

    Yields:
        Meter and pulse for the parts of the service. Each of its loops says `watch.pulse.beat("name")` every
        round, be it with nothing to do or while it waits for a server.

    Raises:
        UsageError: the port cannot be listened on.
    """
    redaction, meter = Redaction(secrets), PrometheusMeter()
    pulse = ProgressPulse(meter, clock=time.monotonic, limits=limits)
    pages = Pages(registry=meter.registry, health=pulse.health, redaction=redaction)
    with (
        logging_to(sys.stderr, service=service, log_format=log_format, redaction=redaction),
        _ending_told(log_format),
        nullcontext() if port is None else serving(pages, host=host, port=port) as served,
    ):
        yield Watch(meter=meter, pulse=pulse, port=served)


@contextmanager
def _ending_told(log_format: LogFormat) -> Iterator[None]:
    """Machines read why a service ended in its log; people are told by the root of the command line."""
    try:
        yield
    except (OnlookerError, OSError) as error:
        trouble = trouble_of(error) if isinstance(error, OSError) else error
        if trouble is not None and log_format == "json":
            log.error(str(trouble), extra={"exit_code": trouble.exit_code})  # noqa: TRY400 - it has words
        raise
