"""Settles how the brokers are reached: the configuration, the command line, and the password."""

import os

import msgspec

from onlooker.settings.configuration import Settings
from onlooker.settings.passwords import kafka_with_secrets
from schemas.broker import BrokerOptions


def broker_options(settings: Settings, bootstrap: str | None = None) -> BrokerOptions:
    """The brokers to talk to, with the password filled in.

    Args:
        settings: the configuration.
        bootstrap: addresses from the command line; None: those of the configuration.

    Returns:
        Options that are complete.

    Raises:
        UsageError: a password is asked for and missing, or its file cannot be read.
    """
    options = kafka_with_secrets(settings.kafka, os.environ)
    return msgspec.structs.replace(options, bootstrap=bootstrap) if bootstrap else options
