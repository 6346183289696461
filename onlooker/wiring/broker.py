"""Settles how the brokers are reached: the configuration, the command line, and the password of a file."""

import os
from pathlib import Path

import msgspec

from onlooker.settings import Settings
from schemas.broker import BrokerOptions
from schemas.errors import UsageError

PASSWORD = "ONLOOKER_KAFKA_PASSWORD"  # noqa: S105 - the name of a variable
"""The environment variable that holds the password when no file does."""


def broker_options(settings: Settings, bootstrap: str | None = None) -> BrokerOptions:
    """The brokers to talk to, with the password filled in.

    Args:
        settings: the configuration.
        bootstrap: addresses from the command line; None: those of the configuration.

    Returns:
        Options that are complete.

    Raises:
        UsageError: the password file cannot be read.
    """
    options = settings.kafka
    if bootstrap:
        options = msgspec.structs.replace(options, bootstrap=bootstrap)
    if not options.uses_sasl or options.password is not None:
        return options
    password = os.environ.get(PASSWORD)
    if options.password_file is not None:
        password = _read(options.password_file)
    return msgspec.structs.replace(options, password=password)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The password file {path} (`kafka.password_file`) cannot be read: {error}."
        ) from error
