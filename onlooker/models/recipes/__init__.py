"""Recipes: pure functions from the weights of a wheel to a plain float32 ONNX file, without TensorFlow."""

import importlib
import struct
from collections.abc import Callable
from pathlib import Path

from schemas.errors import UsageError

Recipe = Callable[[bytes], bytes]
"""Bytes of a wheel's member in, bytes of an ONNX file out; the same bytes every time."""

RECIPES = (
    "onnx_zoo.yunet",
    "onnx_zoo.sface",
    "tflite_to_onnx.landmark_net",
    "keras_to_onnx.mini_xception",
    "dlib_onnx.folded",
)
"""Every name that a registry may ask for: module of this package, dot, function."""

# What onnx, h5py, flatbuffers and the recipes raise on a file that they cannot read.
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, OSError, struct.error)


def recipe_named(name: str) -> Recipe:
    """The recipe of that name; its readers (h5py, tflite) are imported only now.

    Raises:
        ValueError: there is no such recipe.
    """
    if name not in RECIPES:
        raise ValueError(f"There is no recipe {name}; there are {', '.join(RECIPES)}.")
    module, function = name.split(".")
    recipe: Recipe = getattr(importlib.import_module(f"{__name__}.{module}"), function)
    return recipe


def converted(name: str, source: Path) -> bytes:
    """The bytes of the ONNX file that one of `RECIPES` makes of a user's file.

    Raises:
        UsageError: the file is not of the kind that the recipe takes.
    """
    content = source.read_bytes()
    try:
        return recipe_named(name)(content)
    except _UNREADABLE as error:
        reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise UsageError(f"The recipe {name} cannot convert {source} ({reason}).") from error
