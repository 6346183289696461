"""How the agents reach the brokers: addresses and credentials in Faust's words and in aiokafka's."""

import ssl
from typing import Any

import faust
from aiokafka.helpers import create_ssl_context
from faust.types.auth import CredentialsT

from schemas.broker import BrokerOptions


def urls_of(broker: BrokerOptions) -> list[str]:
    """The brokers as Faust writes them."""
    return [f"kafka://{server}" for server in broker.servers]


def tls_of(broker: BrokerOptions) -> ssl.SSLContext | None:
    """The context of encrypted connections, None for open ones."""
    return create_ssl_context(**broker.tls_files()) if broker.uses_tls else None


def credentials_of(broker: BrokerOptions) -> CredentialsT | None:
    """Who asks, as Faust hands it to its consumer and producer."""
    tls = tls_of(broker)
    if broker.uses_sasl:
        return faust.SASLCredentials(
            username=broker.username,
            password=broker.password,
            mechanism=broker.sasl_mechanism,
            ssl_context=tls,
        )
    return None if tls is None else faust.SSLCredentials(context=tls)


def client_settings(broker: BrokerOptions) -> dict[str, Any]:
    """What aiokafka's own clients are told, as keyword arguments."""
    named = {name: value for name, value in broker.arguments().items() if not name.startswith("ssl_")}
    return {**named, "ssl_context": tls_of(broker)}
