"""The rewrites keep a network's answers: each is compared with the reference evaluator of ONNX."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from onlooker.models.recipes import RECIPES, recipe_named
from onlooker.models.recipes.draft import Draft, opened, sealed
from onlooker.models.recipes.keras_to_onnx import mini_xception
from onlooker.models.recipes.passes import (
    drop_dropout,
    flush_denormals,
    fold_affine,
    fold_dequantized,
    rewrite_prelu,
)

Array = NDArray[Any]
CHANNELS = 3
SHAPE = (2, CHANNELS, 5, 4)


def network(nodes: Sequence[onnx.NodeProto], constants: dict[str, Array]) -> bytes:
    """An ONNX file from `x` (n, 3, 5, 4) to `y`."""
    ends = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, ["n", None, None, None]) for n in "xy"]
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(list(nodes), "g", ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return bytes(model.SerializeToString())


def asked(model: bytes, x: Array) -> Array:
    answers: Any = ReferenceEvaluator(onnx.load_model_from_string(model)).run(None, {"x": x})
    return np.asarray(answers[0])


def floats(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def operators(draft: Draft) -> list[str]:
    return [node.op_type for node in draft.nodes]


@given(
    slopes=hnp.arrays(np.float32, (CHANNELS, 1, 1), elements=st.floats(-2, 3, width=32)),
    x=hnp.arrays(np.float32, (1, CHANNELS, 2, 2), elements=st.floats(-100, 100, width=32)),
)
def test_prelu_is_the_same_in_its_fast_form(slopes: Array, x: Array) -> None:
    source = network([helper.make_node("PRelu", ["x", "s"], ["y"])], {"s": slopes})
    draft = opened(source, "g")
    rewrite_prelu(draft)
    assert "PRelu" not in operators(draft)
    np.testing.assert_allclose(asked(sealed(draft), x), asked(source, x), rtol=1e-5, atol=1e-4)


def test_affines_and_batch_normalisation_fold_into_the_convolution() -> None:
    constants = {
        "w": floats(4, CHANNELS, 3, 3),
        "scale": floats(4, 1, 1, seed=1),
        "shift": floats(1, 4, 1, 1, seed=2),
        "half": np.array(0.5, np.float32),
        "g": floats(4, seed=3),
        "b": floats(4, seed=4),
        "m": floats(4, seed=5),
        "v": np.abs(floats(4, seed=6)),
    }
    source = network(
        [
            helper.make_node("Conv", ["x", "w"], ["a"]),
            helper.make_node("Mul", ["a", "scale"], ["c"]),
            helper.make_node("Add", ["shift", "c"], ["d"]),
            helper.make_node("Mul", ["d", "half"], ["e"]),
            helper.make_node("BatchNormalization", ["e", "g", "b", "m", "v"], ["y"], epsilon=0.01),
        ],
        constants,
    )
    draft = opened(source, "g")
    fold_affine(draft)
    assert operators(draft) == ["Conv"]
    x = floats(*SHAPE)
    np.testing.assert_allclose(asked(sealed(draft), x), asked(source, x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(5, 1), (1, 4, 5, 1), (3,), (3, 2)])
def test_a_constant_that_is_not_per_channel_is_left_alone(shape: tuple[int, ...]) -> None:
    constants = {"w": floats(CHANNELS, CHANNELS, 1, 2), "k": floats(*shape)}
    nodes = [helper.make_node("Conv", ["x", "w"], ["a"]), helper.make_node("Mul", ["a", "k"], ["y"])]
    draft = opened(network(nodes, constants), "g")
    fold_affine(draft)
    assert operators(draft) == ["Conv", "Mul"]


def test_a_convolution_that_two_nodes_read_is_left_alone() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"]),
        helper.make_node("Mul", ["a", "k"], ["b"]),
        helper.make_node("Add", ["a", "b"], ["y"]),
    ]
    source = network(nodes, {"w": floats(4, CHANNELS, 1, 1), "k": floats(4, 1, 1)})
    draft = opened(source, "g")
    fold_affine(draft)
    x = floats(*SHAPE)
    np.testing.assert_allclose(asked(sealed(draft), x), asked(source, x), rtol=1e-6)


@pytest.mark.parametrize(
    ("scale", "attributes"),
    [
        (np.float32(0.02), {}),
        (floats(4), {"axis": 0}),
        (floats(4, 2, 1, 1), {"axis": 1, "block_size": 2}),
    ],
)
def test_int8_weights_become_float32(scale: Array, attributes: dict[str, Any]) -> None:
    quantized = np.random.default_rng(0).integers(-128, 128, (4, CHANNELS, 1, 1)).astype(np.int8)
    zero = np.full(np.shape(scale), 3, np.int8)
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["w"], **attributes),
        helper.make_node("Conv", ["x", "w"], ["y"]),
    ]
    source = network(nodes, {"q": quantized, "scale": np.asarray(scale), "zero": zero})
    draft = opened(source, "g")
    fold_dequantized(draft)
    assert operators(draft) == ["Conv"]
    repeats = {(): scale, (4,): np.reshape(scale, (-1, 1, 1, 1))}.get(np.shape(scale))
    spread = np.repeat(scale, 2, axis=1)[:, :CHANNELS] if repeats is None else repeats
    expected = (quantized.astype(np.float32) - 3) * spread
    np.testing.assert_allclose(draft.constants["w"], expected, rtol=1e-6)


def test_dropout_goes_and_its_reader_is_fed_by_what_fed_it() -> None:
    nodes = [helper.make_node("Dropout", ["x"], ["a"]), helper.make_node("Relu", ["a"], ["y"])]
    draft = opened(network(nodes, {}), "g")
    drop_dropout(draft)
    assert [(n.op_type, list(n.input)) for n in draft.nodes] == [("Relu", ["x"])]


def test_denormals_become_zero_and_normal_weights_stay() -> None:
    draft = Draft(name="g", constants={"w": np.array([1e-40, -1e-45, 2e-38, -1.0, 0.0], np.float32)})
    flush_denormals(draft)
    np.testing.assert_array_equal(draft.constants["w"], np.array([0, 0, 2e-38, -1.0, 0.0], np.float32))


def test_a_file_lists_neither_unused_weights_nor_weights_as_inputs() -> None:
    source = onnx.load_model_from_string(
        network([helper.make_node("Mul", ["x", "k"], ["y"])], {"k": floats(1), "unused": floats(9)})
    )
    source.graph.input.append(helper.make_tensor_value_info("k", onnx.TensorProto.FLOAT, [1]))
    source.graph.input.append(helper.make_tensor_value_info("dangling", onnx.TensorProto.FLOAT, [1]))
    result = onnx.load_model_from_string(sealed(opened(source.SerializeToString(), "g")))
    assert [end.name for end in result.graph.input] == ["x"]
    assert [tensor.name for tensor in result.graph.initializer] == ["k"]


def test_the_same_source_gives_the_same_bytes() -> None:
    nodes = [helper.make_node("Conv", ["x", "w"], ["a"]), helper.make_node("PRelu", ["a", "s"], ["y"])]
    source = network(nodes, {"w": floats(4, CHANNELS, 1, 1), "s": floats(4, 1, 1)})

    def made() -> bytes:
        draft = opened(source, "g")
        fold_affine(draft)
        rewrite_prelu(draft)
        return sealed(draft)

    assert made() == made()


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_can_be_found(name: str) -> None:
    assert callable(recipe_named(name))


@pytest.mark.parametrize("name", ["onnx_zoo.none", "os.system", "yunet"])
def test_no_other_name_is_imported(name: str) -> None:
    with pytest.raises(ValueError, match="There is no recipe"):
        recipe_named(name)


@pytest.mark.parametrize("source", [b"", b"not a network", bytes(64)])
def test_what_is_not_onnx_is_refused(source: bytes) -> None:
    with pytest.raises(ValueError, match="not an ONNX file"):
        opened(source, "g")


def test_a_keras_file_becomes_the_same_network(tmp_path: Path) -> None:
    """One convolution, batch normalisation, relu, average and softmax, next to the same sums in numpy."""
    kernel, norm = floats(1, 1, 1, 7), [np.abs(floats(7, seed=i)) for i in range(4)]
    path = tmp_path / "net.hdf5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"config": {"layers": keras_layers()}})
        weights = file.create_group("model_weights")
        for name, values in {
            "in": [],
            "conv": [kernel],
            "norm": norm,
            "relu": [],
            "mean": [],
            "out": [],
        }.items():
            group = weights.create_group(name)
            group.attrs["weight_names"] = [f"w{i}" for i in range(len(values))]
            for i, value in enumerate(values):
                group[f"w{i}"] = value
    model = mini_xception(path.read_bytes())
    x = floats(2, 1, 4, 4)
    gamma, beta, mean, variance = norm
    normed = (x.transpose(0, 2, 3, 1) * kernel[0, 0, 0] - mean) / np.sqrt(variance + 0.01) * gamma + beta
    logits = np.maximum(normed, 0).mean(axis=(1, 2))
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    answers: Any = ReferenceEvaluator(onnx.load_model_from_string(model)).run(None, {"input": x})
    np.testing.assert_allclose(answers[0], expected, rtol=1e-4)


def keras_layers() -> list[dict[str, Any]]:
    convolution = {"strides": [1, 1], "padding": "same"}
    layers: list[tuple[str, str, dict[str, Any]]] = [
        ("in", "InputLayer", {"batch_input_shape": [None, 4, 4, 1]}),
        ("conv", "Conv2D", convolution),
        ("norm", "BatchNormalization", {"epsilon": 0.01}),
        ("relu", "Activation", {"activation": "relu"}),
        ("mean", "GlobalAveragePooling2D", {}),
        ("out", "Activation", {"activation": "softmax"}),
    ]
    names = ["", *(name for name, _, _ in layers)]
    return [
        {
            "name": name,
            "class_name": kind,
            "config": config,
            "inbound_nodes": [[[before, 0, 0, {}]]] if before else [],
        }
        for before, (name, kind, config) in zip(names, layers, strict=False)
    ]
