"""The pages of a running service for machines: /metrics, /healthz and /readyz."""

import errno
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from onlooker.telemetry.pulse import Health
from onlooker.telemetry.redaction import Redaction
from schemas.errors import UsageError

log = logging.getLogger(__name__)
PATIENCE_S = 5.0
"""A client that does not say what it wants for longer is hung up on."""


class Pages(msgspec.Struct, frozen=True, kw_only=True):
    """What the pages are made of."""

    registry: CollectorRegistry
    health: Callable[[], Health]
    redaction: Redaction

    def answer(self, path: str, accept: str) -> tuple[int, str, bytes]:
        """Answer a request.

        Args:
            path: what is asked for; a query is ignored.
            accept: the header of that name.

        Returns:
            Status, content type, body.
        """
        page = path.partition("?")[0]
        if page == "/metrics":
            encode, kind = choose_encoder(accept)
            return 200, kind, encode(self.registry)
        if page not in ("/healthz", "/readyz"):
            return 404, "text/plain", b"/metrics, /healthz or /readyz\n"
        health = self.health()
        good = health.healthy if page == "/healthz" else health.ready
        away = {name: self.redaction.text(words) for name, words in health.away.items()}
        about = {name: self.redaction.text(words) for name, words in health.about.items()}
        aside = {name: self.redaction.text(words) for name, words in health.set_aside.items()}
        body = msgspec.json.encode(msgspec.structs.replace(health, away=away, about=about, set_aside=aside))
        return 200 if good else 503, "application/json", body + b"\n"


class PageServer(ThreadingHTTPServer):
    """Serves the pages of one service."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], pages: Pages) -> None:
        self.pages = pages
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, PageHandler)

    def server_bind(self) -> None:
        """Bind without asking a name server for this machine's name, which may take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no trouble of ours."""
        del request
        log.debug("the client %s of the metrics page hung up", client_address, exc_info=True)


class PageHandler(BaseHTTPRequestHandler):
    """Answers one request."""

    timeout = PATIENCE_S
    server: PageServer

    def do_GET(self) -> None:
        """Send the page of the path."""
        status, kind, body = self.server.pages.answer(self.path, self.headers.get("Accept", ""))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        """The name of this server; which Python it runs on is nobody's business."""
        return "onlooker"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        """Requests of a scraper are not worth a line."""


@contextmanager
def serving(pages: Pages, *, host: str, port: int) -> Iterator[int]:
    """Serve pages on a thread.

    Args:
        pages: what to answer.
        host: address to listen on.
        port: 0 for a free one; the one taken is yielded.

    Raises:
        UsageError: it cannot be listened on; says why and names the mend.
    """
    try:
        server = PageServer((host, port), pages)
    except (OSError, OverflowError) as error:
        raise _refusal(error, host, port) from error
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="metrics", daemon=True)
    thread.start()
    log.info("metrics and health are served at http://%s:%s", host, server.server_port)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE_S)


def _refusal(error: Exception, host: str, port: int) -> UsageError:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        why = f"Port {port} of {host} is taken by another program: name another with --metrics-port"
    elif isinstance(error, PermissionError):
        why = f"Port {port} may not be opened by this user: name one above 1023 with --metrics-port"
    else:
        why = f"Metrics cannot be served on {host}:{port} ({error}): mend --metrics-host or --metrics-port"
    return UsageError(f"{why}, or 0 for any free one.")
