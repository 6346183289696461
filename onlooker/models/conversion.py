"""Converts a file that a user brings by one of the recipes, or says that it is not the recipe's kind."""

import struct
from pathlib import Path

from onlooker.models.recipes import recipe_named
from schemas.errors import UsageError

# What onnx, h5py, flatbuffers and the recipes raise on a file that they cannot read.
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, OSError, struct.error)


def converted(recipe: str, source: Path) -> bytes:
    """The ONNX file that a recipe makes of a file.

    Args:
        recipe: a name out of `RECIPES`.
        source: the file to convert.

    Returns:
        The bytes of the ONNX file.

    Raises:
        UsageError: the file is not of the kind that the recipe takes.
    """
    content = source.read_bytes()
    try:
        return recipe_named(recipe)(content)
    except _UNREADABLE as error:
        reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise UsageError(f"The recipe {recipe} cannot convert {source} ({reason}).") from error
