"""How kafka-python is told to reach the brokers: the configuration's words in the library's."""

from typing import Any

from schemas.broker import BrokerOptions


def connection_of(options: BrokerOptions) -> dict[str, Any]:
    """The arguments of any client of the brokers.

    Args:
        options: addresses, encryption and who asks; the password is filled in.

    Returns:
        Keyword arguments of kafka-python's clients.
    """
    found: dict[str, Any] = {
        "bootstrap_servers": options.bootstrap.split(","),
        "security_protocol": options.security,
    }
    if options.uses_tls:
        files = {
            "ssl_cafile": options.ca_file,
            "ssl_certfile": options.certificate_file,
            "ssl_keyfile": options.key_file,
        }
        found |= {name: str(path) for name, path in files.items() if path is not None}
    if options.uses_sasl:
        found |= {
            "sasl_mechanism": options.sasl_mechanism,
            "sasl_plain_username": options.username,
            "sasl_plain_password": options.password,
        }
    return found
