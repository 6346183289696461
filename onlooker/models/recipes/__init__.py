"""Recipes: pure functions from the weights of a wheel to a plain float32 ONNX file, without TensorFlow."""

import importlib
from collections.abc import Callable

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


def recipe_named(name: str) -> Recipe:
    """The recipe of that name; its readers (h5py, tflite) are imported only now.

    Args:
        name: one of `RECIPES`.

    Raises:
        ValueError: there is no such recipe.
    """
    if name not in RECIPES:
        raise ValueError(f"There is no recipe {name}; there are {', '.join(RECIPES)}.")
    module, function = name.split(".")
    recipe: Recipe = getattr(importlib.import_module(f"{__name__}.{module}"), function)
    return recipe
