"""Where a ClickHouse server is and who asks: read from a URL, never shown with its password."""

import os
import re
import socket
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from schemas.errors import UsageError
from sinks.store.tls import TlsOptions

NATIVE_PORT = 9000
SECURE_PORT = 9440
NAME_LIMIT = 200
"""Of a database's name, characters: it travels in the metadata of commits, which brokers bound."""
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
FORM = "clickhouse://user:password@host:9000/database?secure=1"


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A server, a database and a user."""

    host: str
    port: int = NATIVE_PORT
    user: str = "default"
    password: str = ""
    database: str = "onlooker"
    secure: bool = False
    tls: TlsOptions = TlsOptions()
    data_dir: str = ""
    """Where an embedded server keeps its data; empty for another server."""

    @property
    def place(self) -> str:
        """Where the data lies, in words for a person."""
        return f"the data directory {self.data_dir}" if self.data_dir else f"the ClickHouse at {self}"

    @property
    def name(self) -> str:
        """What others may know the database by: host and path, or server and database; bounded, UTF-8."""
        there = os.fsencode(self.data_dir).decode("utf-8", "backslashreplace")
        found = f"{socket.gethostname()}:{there}" if there else f"{self}/{self.database}"
        return found[-NAME_LIMIT:]

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"Address({self.user}@{self.host}:{self.port}/{self.database})"


def address_from_url(url: str) -> Address:
    """Read the address of a server.

    Args:
        url: `clickhouse://user:password@host:9000/database?secure=1`; all but the host may be left out.

    Raises:
        UsageError: the text has another form; the password is never part of the words.
    """
    try:
        parts = urlsplit(url)
        port, options = parts.port, parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise UsageError(f"the ClickHouse URL cannot be read: expected {FORM}") from error
    secure = options.pop("secure", ["0"])[-1].lower() in {"1", "true", "yes"}
    if parts.scheme != "clickhouse" or not parts.hostname or options:
        raise UsageError(f"the ClickHouse URL cannot be read: expected {FORM}")
    return Address(
        host=parts.hostname,
        port=port or (SECURE_PORT if secure else NATIVE_PORT),
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        database=checked_identifier(unquote(parts.path.strip("/")) or "onlooker"),
        secure=secure,
    )


def checked_identifier(name: str) -> str:
    """The name of a table, column or database that may stand in SQL as it is.

    Raises:
        UsageError: it has other characters than letters, digits and `_`.
    """
    if not IDENTIFIER.fullmatch(name):
        raise UsageError(f"{name!r} is not a name ClickHouse takes unquoted: use letters, digits and _")
    return name
