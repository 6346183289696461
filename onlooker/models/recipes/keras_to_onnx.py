"""Recipe: a Keras HDF5 file of a small convolutional network -> ONNX, by h5py alone."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import h5py
import numpy as np

from onlooker.models.recipes.draft import Constant, Draft, sealed
from onlooker.models.recipes.passes import flush_denormals, fold_affine

Layer = Mapping[str, Any]


def mini_xception(source: bytes) -> bytes:
    """The mini-Xception expression network in float32: `input` (faces, 1, 64, 64) -> `probs` (faces, 7).

    It takes `emotion_model.hdf5`, layers and weights as Keras 2 saves them.
    """
    with h5py.File(io.BytesIO(source), "r") as file:
        layers = json.loads(_text(file.attrs["model_config"]))["config"]["layers"]
        draft = Draft(name="mini_xception")
        for layer in layers:
            weights = _weights(file["model_weights"], layer["name"])
            _WRITERS[layer["class_name"]](draft, {**layer, "weights": weights})
    draft.nodes[-1].output[0] = "probs"
    draft.outputs = {"probs": ["faces", 7]}
    fold_affine(draft)
    flush_denormals(draft)
    return sealed(draft)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else bytes(value).decode()


def _weights(groups: Any, layer: str) -> Sequence[Constant]:
    group = groups[layer]
    return [np.asarray(group[_text(name)], np.float32) for name in group.attrs["weight_names"]]


def _fed_by(layer: Layer) -> Sequence[str]:
    return [source[0] for source in layer["inbound_nodes"][0]]


def _padding(layer: Layer) -> Mapping[str, str]:
    return {"auto_pad": "SAME_UPPER" if layer["config"]["padding"] == "same" else "VALID"}


def _input(draft: Draft, layer: Layer) -> None:
    height, width, channels = layer["config"]["batch_input_shape"][1:]
    draft.inputs = {"input": ["faces", channels, height, width]}
    # The rest of the graph calls the input by its layer's name; Identity is folded away at load.
    draft.add("Identity", ["input"], layer["name"])


def _conv(draft: Draft, layer: Layer) -> None:
    name, weights = layer["name"], layer["weights"]
    kernel = weights[0].transpose(3, 2, 0, 1)
    inputs = [_fed_by(layer)[0], draft.constant(f"{name}/kernel", kernel), *_bias(draft, name, weights[1:])]
    draft.add("Conv", inputs, name, strides=layer["config"]["strides"], **_padding(layer))


def _separable_conv(draft: Draft, layer: Layer) -> None:
    name, weights = layer["name"], layer["weights"]
    depth = weights[0].transpose(2, 3, 0, 1)
    point = weights[1].transpose(3, 2, 0, 1)
    inputs = [_fed_by(layer)[0], draft.constant(f"{name}/depth", depth)]
    strides = layer["config"]["strides"]
    deep = draft.add("Conv", inputs, f"{name}/deep", group=depth.shape[0], strides=strides, **_padding(layer))
    inputs = [deep, draft.constant(f"{name}/point", point), *_bias(draft, name, weights[2:])]
    draft.add("Conv", inputs, name)


def _bias(draft: Draft, name: str, weights: Sequence[Constant]) -> Sequence[str]:
    return [draft.constant(f"{name}/bias", weights[0])] if weights else []


def _batch_normalization(draft: Draft, layer: Layer) -> None:
    name, weights = layer["name"], layer["weights"]
    names = [draft.constant(f"{name}/{i}", value) for i, value in enumerate(weights)]
    epsilon = layer["config"]["epsilon"]
    draft.add("BatchNormalization", [_fed_by(layer)[0], *names], name, epsilon=epsilon)


def _activation(draft: Draft, layer: Layer) -> None:
    operator = {"relu": "Relu", "softmax": "Softmax"}[layer["config"]["activation"]]
    draft.add(operator, _fed_by(layer), layer["name"])


def _max_pooling(draft: Draft, layer: Layer) -> None:
    shape = {"kernel_shape": layer["config"]["pool_size"], "strides": layer["config"]["strides"]}
    draft.add("MaxPool", _fed_by(layer), layer["name"], **shape, **_padding(layer))


def _sum(draft: Draft, layer: Layer) -> None:
    draft.add("Add", _fed_by(layer), layer["name"])


def _global_average(draft: Draft, layer: Layer) -> None:
    name = layer["name"]
    pooled = draft.add("GlobalAveragePool", _fed_by(layer), f"{name}/pooled")
    draft.add("Flatten", [pooled], name)


_WRITERS: Mapping[str, Callable[[Draft, Layer], None]] = {
    "InputLayer": _input,
    "Conv2D": _conv,
    "SeparableConv2D": _separable_conv,
    "BatchNormalization": _batch_normalization,
    "Activation": _activation,
    "MaxPooling2D": _max_pooling,
    "Add": _sum,
    "GlobalAveragePooling2D": _global_average,
}
