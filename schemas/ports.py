"""Ports: what the stages need from the world, so that tests can hand over fakes."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
"""Any float32 array; the shape stands in the docstring of whoever takes it."""
Pixels = NDArray[np.uint8]
"""A picture, (height, width, 3) uint8, BGR."""


class Net(Protocol):
    """A neural network: named arrays in, all its outputs in their order out."""

    def run(self, inputs: Mapping[str, Floats]) -> Sequence[Floats]:
        """One forward pass: an array for each input name in, all outputs in the network's order out."""
        ...

    @property
    def output_names(self) -> Sequence[str]:
        """Names of the outputs, in the order `run` gives them."""
        ...


class RowStore(Protocol):
    """A place that takes columnar batches and answers SQL."""

    def insert(self, table: str, columns: Mapping[str, Any], token: str) -> None:
        """Write one batch at once; the same token twice writes once."""
        ...

    def command(self, sql: str) -> None:
        """Run a statement that returns nothing."""
        ...

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Answer a question as rows of Python values."""
        ...


class EventCodec(Protocol):
    """Events to the bytes of a message and back."""

    def encode(self, event: Any) -> bytes:
        """An event in Confluent wire format.

        Returns:
            0x00, the schema's id (4 bytes, big endian), the Avro body.
        """
        ...

    def decode(self, data: bytes | None) -> Any:
        """The event of a message from anybody, checked.

        Returns:
            Of a kind in `schemas.kinds`.

        Raises:
            UndecodableError: it is none; the cause says why.
            DependencyAwayError: the registry is away: wait and ask again.
        """
        ...
