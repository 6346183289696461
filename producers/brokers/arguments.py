"""How kafka-python is told what a site's broker options say: the one place within producers."""

from typing import Any

from schemas.broker import BrokerOptions
from schemas.errors import UsageError


def broker_arguments(options: BrokerOptions) -> dict[str, Any]:
    """Arguments that every client of kafka-python takes.

    Args:
        options: addresses, encryption and who asks; the password already filled in.

    Returns:
        Arguments by name.

    Raises:
        UsageError: brokers ask who connects, and the options do not say.
    """
    arguments: dict[str, Any] = {
        "bootstrap_servers": [each.strip() for each in options.bootstrap.split(",") if each.strip()],
        "security_protocol": options.security,
    }
    if options.uses_tls:
        arguments |= _tls(options)
    if options.uses_sasl:
        arguments |= _sasl(options)
    return arguments


def _tls(options: BrokerOptions) -> dict[str, Any]:
    files = {
        "ssl_cafile": options.ca_file,
        "ssl_certfile": options.certificate_file,
        "ssl_keyfile": options.key_file,
    }
    for name, path in files.items():
        if path is not None and not path.is_file():
            raise UsageError(f"There is no file {path} for {name}: name one that is there in `kafka`.")
    return {name: str(path) for name, path in files.items() if path is not None}


def _sasl(options: BrokerOptions) -> dict[str, Any]:
    if options.username is None or options.password is None:
        raise UsageError(
            f"With security {options.security} Kafka asks who connects: set `kafka.username` and "
            "`kafka.password_file`."
        )
    return {
        "sasl_mechanism": options.sasl_mechanism,
        "sasl_plain_username": options.username,
        "sasl_plain_password": options.password,
    }
