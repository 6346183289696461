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
        """One forward pass.

        Args:
            inputs: an array for each input name of the network.

        Returns:
            All outputs in the network's order.
        """
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
