"""Builds the codec of the services: ids from files or from a registry, the registry's password filled in."""

import logging
from collections.abc import Mapping

from onlooker.settings.passwords import Warn, registry_with_secrets
from schemas.topics import TopicNames
from schemas.wire.codec import AvroCodec
from schemas.wire.confluent import ConfluentRegistry
from schemas.wire.registry import FileRegistry, RegistryOptions, SchemaRegistry

_warn = logging.getLogger(__name__).warning


def build_codec(options: RegistryOptions, names: TopicNames, environ: Mapping[str, str]) -> AvroCodec:
    """What turns events into the bytes of messages and back.

    Args:
        options: which registry gives the ids.
        names: of the site's topics.
        environ: of this process; may hold the password.

    Returns:
        A codec; the registry is not asked yet.

    Raises:
        UsageError: the options do not fit together, or a file of theirs cannot be read.
    """
    return AvroCodec(build_registry(options, environ), names)


def build_registry(options: RegistryOptions, environ: Mapping[str, str]) -> SchemaRegistry:
    """The files' ids without a URL, the registry's with one.

    Args:
        options: which registry gives the ids.
        environ: of this process; may hold the password.

    Returns:
        A registry that has not been asked yet.

    Raises:
        UsageError: the options do not fit together, or a file of theirs cannot be read.
    """
    return FileRegistry() if options.url is None else build_confluent(options, environ)


def build_confluent(
    options: RegistryOptions, environ: Mapping[str, str], *, warn: Warn = _warn
) -> ConfluentRegistry:
    """A registry by its URL.

    Args:
        options: with a URL.
        environ: of this process; may hold the password.
        warn: takes a sentence about a file that too many can read.

    Returns:
        A registry that has not been asked yet.

    Raises:
        UsageError: the URL is none, a file cannot be read, or a password is missing.
    """
    return ConfluentRegistry(registry_with_secrets(options, environ, warn=warn))
