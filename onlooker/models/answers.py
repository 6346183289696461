"""What each model must answer to one made-up input: catches a wrong runtime, which hashes cannot see."""

from collections.abc import Mapping, Sequence
from importlib.resources import files

import msgspec
import numpy as np

from onlooker.models.registry import ModelEntry, Tensor
from schemas.ports import Floats, Net

FREE_SIZE_PX = 96
"""Height and width given to a network whose picture size is free."""
PICKED = 16
"""How many values of each output are compared, evenly spread."""
TOLERANCE = 2e-3
"""Largest difference allowed, relative to the largest picked value of an output (at least 1)."""

Answers = Mapping[str, Sequence[float]]
"""Picked values by the name of an output."""


def probe(entry: ModelEntry) -> Mapping[str, Floats]:
    """The same on every machine: noise for each input, in its shape, over the range that it is made for."""
    return {tensor.name: _noise(tensor) for tensor in entry.inputs}


def answered(net: Net, entry: ModelEntry) -> Answers:
    """What a network answers to the probe, 16 values an output, rounded to six digits."""
    outputs = dict(zip(net.output_names, net.run(probe(entry)), strict=True))
    return {tensor.name: _picked(outputs[tensor.name]) for tensor in entry.outputs}


def pinned_answers() -> Mapping[str, Answers]:
    """The right answers by stage, as they were when the registry was written."""
    source = files("onlooker.models").joinpath("answers.json").read_bytes()
    return msgspec.json.decode(source, type=dict[str, dict[str, list[float]]])


def differences(found: Answers, expected: Answers) -> Sequence[str]:
    """The outputs that answer otherwise than expected, with how far they are off; empty when all is right."""
    words = []
    for name, values in expected.items():
        wanted, given = np.asarray(values), np.asarray(found[name])
        if wanted.shape != given.shape:
            words.append(f"{name} has another size")
            continue
        off = float(np.abs(wanted - given).max()) / max(1.0, float(np.abs(wanted).max()))
        # Not `off > TOLERANCE`: NaN must not pass.
        if not off <= TOLERANCE:
            words.append(f"{name} is off by {off:.2g}")
    return words


def _noise(tensor: Tensor) -> Floats:
    """Noise by multiplicative hashing: whole numbers, so that no machine rounds it otherwise.

    Source: D. Knuth, The Art of Computer Programming, volume 3, 6.4.
    """
    shape = [_size(dimension) for dimension in tensor.shape]
    low, high = tensor.range or (0.0, 1.0)
    noise = (np.arange(np.prod(shape), dtype=np.int64) * 2654435761 % 2**32) / 2**32
    return (low + (high - low) * noise).astype(np.float32).reshape(shape)


def _picked(output: Floats) -> Sequence[float]:
    flat = output.reshape(-1)
    at = np.linspace(0, flat.size - 1, min(PICKED, flat.size)).astype(int)
    return [float(f"{value:.6g}") for value in flat[at]]


def _size(dimension: int | str) -> int:
    if isinstance(dimension, int):
        return dimension
    return FREE_SIZE_PX if dimension in {"height", "width"} else 1
