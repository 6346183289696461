"""A hop that speaks TLS to the outside and hands on in plain: puts TLS before a server that has none."""

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

CHUNK_BYTES = 1 << 16
PATIENCE_S = 30.0


class TlsHop:
    """Listens on loopback and hands on what it hears.

    Args:
        to_port: of the plain server on loopback.
        shown: file with the key and the certificate to show.
        host: to listen at.
        clients_by: certificates of clients must be signed by this; None: clients need none.
    """

    def __init__(
        self, to_port: int, shown: Path, *, host: str = "127.0.0.1", clients_by: Path | None = None
    ) -> None:
        self._to_port = to_port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(shown)
        if clients_by is not None:
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(clients_by)
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        plain.settimeout(PATIENCE_S)
        with (
            contextlib.suppress(OSError),
            plain,
            self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) as outside,
            _heard_out(outside),
            socket.create_connection(("127.0.0.1", self._to_port)) as inside,
        ):
            outside.do_handshake()
            _pass_on(outside, inside)


@contextlib.contextmanager
def _heard_out(outside: ssl.SSLSocket) -> Iterator[None]:
    """Hear a refused client out: to hang up on unread words is a reset, which may overtake the alert."""
    try:
        yield
    except ssl.SSLError:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(outside, socket.SHUT_WR)
            while socket.socket.recv(outside, CHUNK_BYTES):
                pass


def _pass_on(outside: ssl.SSLSocket, inside: socket.socket) -> None:
    """Hand on in both directions, in one thread: `ssl` must not read a connection while it writes to it."""
    inside.settimeout(PATIENCE_S)
    while True:
        readable, _, _ = select.select([outside, inside], [], [], PATIENCE_S)
        if not readable:
            return
        if outside in readable:
            while (data := _received(outside)) is not None:
                if not data:
                    return
                inside.sendall(data)
        if inside in readable:
            data = inside.recv(CHUNK_BYTES)
            if not data:
                return
            outside.settimeout(PATIENCE_S)
            outside.sendall(data)


def _received(outside: ssl.SSLSocket) -> bytes | None:
    """What has come; empty at the end, None when it is not yet a whole record."""
    outside.setblocking(False)
    try:
        return outside.recv(CHUNK_BYTES)
    except ssl.SSLWantReadError:
        return None
