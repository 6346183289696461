"""Derived ids: the same input gives the same id, so a repeated event changes nothing."""

from uuid import UUID, uuid5

NAMESPACE = UUID("6f6e6c6f-6f6b-5e72-8a00-6f6e6c6f6f6b")
"""The project's own UUID namespace (ASCII of its name); changing it changes every id."""


def derive_id(stage: str, *parts: str | int) -> UUID:
    """The id of what a stage made from its input.

    Args:
        stage: name of the thing made, for example `visit`.
        parts: what identifies the input, in a fixed order.

    Returns:
        A version 5 UUID; equal arguments give equal ids on every machine.
    """
    return uuid5(NAMESPACE, "\x1f".join((stage, *map(str, parts))))
