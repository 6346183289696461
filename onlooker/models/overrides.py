"""A user's own models: which file each stage uses, and whether it fits the stage."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from onlooker.models.cache import ModelCache
from onlooker.models.registry import ModelEntry, Registry, Tensor, load_registry
from schemas.errors import DependencyAwayError, SettingError
from schemas.files import in_words, require_readable
from schemas.foreign import read_bounded
from schemas.names import quoted

Shape = Sequence[int | str]
MOST_BYTES = 512 * 1024 * 1024
"""Of a network; none that is used here has a tenth of it."""


def resolve_models(
    cache: ModelCache,
    overrides: Mapping[str, Path],
    *,
    stages: Iterable[str] | None = None,
    registry: Registry | None = None,
) -> Mapping[str, Path]:
    """An existing file for each stage (None: for all): the user's own where there is one, else the prepared.

    Raises:
        UsageError: an override names no stage or no file, or its ends are not what the stage expects.
        DependencyAwayError: a model that is not overridden is not prepared.
    """
    registry = registry or load_registry()
    for stage, path in overrides.items():
        check_fit(registry.model(stage), path)
    wanted = tuple(stages) if stages is not None else registry.stages
    missing = cache.missing(stage for stage in wanted if stage not in overrides)
    if missing:
        names = ", ".join(missing)
        raise DependencyAwayError(f"Models are not prepared: {names}. Run `onlooker models prepare`.")
    return {stage: overrides.get(stage) or cache.model_path(stage) for stage in wanted}


def check_fit(entry: ModelEntry, path: Path) -> None:
    """Complain of a user's own model that does not fit its stage.

    Args:
        entry: what the stage expects.
        path: the user's file.

    Raises:
        SettingError: there is no such file, it is no network, or its ends are others.
    """
    where = f"models.{entry.stage}"
    if not os.path.isfile(path):  # noqa: PTH113 - never raises
        raise SettingError(where, f"there is no file {quoted(path)}. Give the path of an ONNX file.")
    inputs, outputs = _ends(where, path)
    _check_ends(where, "input", entry.inputs, inputs)
    _check_ends(where, "output", entry.outputs, outputs)
    extra = sorted(set(inputs) - {tensor.name for tensor in entry.inputs})
    if extra:
        raise SettingError(
            where, f"{quoted(path)} also wants the inputs {', '.join(extra)}, which nobody fills."
        )


def _check_ends(where: str, kind: str, expected: Iterable[Tensor], found: Mapping[str, Shape]) -> None:
    for tensor in expected:
        if tensor.name not in found:
            names = ", ".join(found)
            raise SettingError(
                where,
                f"the {kind} {tensor.name} {_words(tensor.shape)} is expected, the file has {names}.",
            )
        if not fits(tensor.shape, found[tensor.name]):
            raise SettingError(
                where,
                f"the {kind} {tensor.name} must be {_words(tensor.shape)}, "
                f"in the file it is {_words(found[tensor.name])}.",
            )


def fits(expected: Shape, found: Shape) -> bool:
    """Whether the shape of a network's end (empty: the file does not say) is what a stage expects."""
    return not found or (len(expected) == len(found) and all(map(_dimension_fits, expected, found)))


def _dimension_fits(expected: int | str, found: int | str) -> bool:
    if isinstance(found, str):
        return True
    return found == 1 if expected == "faces" else found == expected


def _ends(where: str, path: Path) -> tuple[Mapping[str, Shape], Mapping[str, Shape]]:
    """Shapes of the file's inputs and outputs by name; a free dimension is a word."""
    # Imported here: only a user with a model of their own pays for it.
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        with in_words(path, "read"):
            require_readable(path)
        model = onnx.load_model_from_string(read_bounded(path, MOST_BYTES, "network of a stage"))
    except DecodeError as error:
        raise SettingError(where, f"{quoted(path)} is not an ONNX file.") from error
    if leads_elsewhere(model):
        raise SettingError(
            where,
            f"{quoted(path)} keeps weights in other files, and names which. Save it as one file: "
            "`onnx.save_model(..., save_as_external_data=False)`.",
        )
    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}
    inputs = {end.name: _shape(end) for end in graph.input if end.name not in weights}
    if not graph.node:
        raise SettingError(where, f"{quoted(path)} is not an ONNX file, or an empty one.")
    return inputs, {end.name: _shape(end) for end in graph.output}


def leads_elsewhere(message: Any) -> bool:
    """Whether a tensor anywhere in a model, also in a branch or a function of it, is kept in another file."""
    if message.DESCRIPTOR.name == "TensorProto":
        return bool(message.data_location == message.EXTERNAL or message.external_data)
    for field, value in message.ListFields():
        if field.message_type is not None:
            parts = (value,) if hasattr(value, "DESCRIPTOR") else value
            if any(leads_elsewhere(part) for part in parts):
                return True
    return False


def _shape(end: object) -> Shape:
    dimensions = end.type.tensor_type.shape.dim  # type: ignore[attr-defined]
    return [d.dim_value or d.dim_param or "any" for d in dimensions]


def _words(shape: Shape) -> str:
    return f"[{', '.join(map(str, shape))}]"
