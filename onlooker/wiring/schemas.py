"""Builds the codec of the services: ids from files or from a registry."""

from schemas.topics import TopicNames
from schemas.wire.codec import AvroCodec
from schemas.wire.confluent import ConfluentRegistry
from schemas.wire.registry import FileRegistry, RegistryOptions, SchemaRegistry


def build_codec(options: RegistryOptions, names: TopicNames) -> AvroCodec:
    """What turns events into the bytes of messages and back; its registry is not asked yet.

    Raises:
        UsageError: the options do not fit together, or a file of theirs cannot be read.
    """
    return AvroCodec(build_registry(options), names)


def build_registry(options: RegistryOptions) -> SchemaRegistry:
    """The files' ids without a URL, the registry's with one; it is not asked yet.

    Raises:
        UsageError: the options do not fit together, or a file of theirs cannot be read.
    """
    return FileRegistry() if options.url is None else ConfluentRegistry(options)
