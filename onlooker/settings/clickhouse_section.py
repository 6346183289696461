"""The ClickHouse section of the configuration: where rows go, who asks, how the connection is protected."""

from pathlib import Path
from typing import Annotated

import msgspec

from producers.cameras.sources import redacted
from schemas.errors import SettingError
from sinks.store.address import Address, address_from_url
from sinks.store.dialect import Dialect
from sinks.store.tls import TlsOptions


class ClickHouseSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where rows go: the embedded server of the data directory, or any server by URL."""

    url: str | None = None
    """`clickhouse://user:password@host:9000/database?secure=1`; None: embedded."""
    password: str | None = None
    """Filled in from `password_file` or the environment when a service starts; never written into a file."""
    password_file: Path | None = None
    ca_file: Path | None = None
    """Certificates that sign the server's, for a URL with `secure=1`; None: those of the system."""
    certificate_file: Path | None = None
    """This client's own certificate, where the server asks for one."""
    key_file: Path | None = None
    verify: bool = True
    """False: any certificate will do, also that of whoever stands in between."""
    cluster: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][\w-]*\Z")] | None = None
    """Name of the cluster on whose servers the tables are made (`ON CLUSTER`); None: on one server."""
    replicated: bool = False
    """Make the tables with Replicated engines, whose copies Keeper holds together."""

    def address(self) -> Address | None:
        """The server of the URL, with password and certificates; None: embedded.

        Raises:
            UsageError: the URL has another form, or there are certificates and no TLS.
        """
        if self.url is None:
            return None
        address = address_from_url(self.url)
        tls = msgspec.convert(self, TlsOptions, from_attributes=True)
        if tls != TlsOptions() and not address.secure:
            raise SettingError(
                "clickhouse.url", "clickhouse.ca_file and the like are for TLS: add ?secure=1 to it."
            )
        return msgspec.structs.replace(address, tls=tls, password=self.password or address.password)

    def dialect(self) -> Dialect:
        """How tables are made: on one server or on a cluster."""
        return Dialect(cluster=self.cluster, replicated=self.replicated)

    def __repr__(self) -> str:
        return f"ClickHouseSettings({redacted(self.url or 'embedded')})"
