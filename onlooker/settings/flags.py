"""What the command line says about servers: it wins over the environment, that over the configuration."""

from pathlib import Path
from typing import Literal

import msgspec

Server = Literal["clickhouse", "kafka", "registry"]
SERVERS: tuple[Server, ...] = ("clickhouse", "kafka", "registry")


class RegistryFlags(msgspec.Struct, frozen=True, kw_only=True):
    """The schema registry as flags name it."""

    url: str | None = None
    username: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None


class Flags(msgspec.Struct, frozen=True, kw_only=True):
    """What flags say; None: nothing, so that the environment, the configuration or a default decides."""

    url: str | None = None
    """Of a ClickHouse server; not together with `data_dir`."""
    data_dir: Path | None = None
    """Of the embedded ClickHouse."""
    cluster: str | None = None
    replicated: bool = False
    bootstrap: str | None = None
    """Addresses of Kafka's brokers."""
    registry: RegistryFlags = RegistryFlags()


NO_FLAGS = Flags()
