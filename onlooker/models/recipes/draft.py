"""A network under conversion: nodes, constants and ends, read from ONNX and sealed into ONNX again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Constant = NDArray[Any]
"""A weight, a shape or a scale inside a network."""

OPSET = 18
IR_VERSION = 10
FLOAT = onnx.TensorProto.FLOAT


@dataclass
class Draft:
    """A network that passes may change in place; nodes stand in the order they run.

    `inputs` and `outputs` map names to shapes; a string in a shape is a free dimension.
    """

    name: str
    opset: int = OPSET
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, Constant] = field(default_factory=dict)
    inputs: dict[str, Sequence[int | str]] = field(default_factory=dict)
    outputs: dict[str, Sequence[int | str]] = field(default_factory=dict)

    def constant(self, name: str, value: Constant) -> str:
        """Keep a constant and give back its name, ready to be an input of a node."""
        self.constants[name] = value
        return name

    def add(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Append a node with one output and give back that output's name."""
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def readers(self, value: str) -> list[onnx.NodeProto]:
        """The nodes that take this value."""
        return [node for node in self.nodes if value in node.input]


def opened(source: bytes, name: str) -> Draft:
    """A draft of an ONNX file; inputs that are really weights (old exports list them) are left out.

    Raises:
        ValueError: this is not an ONNX file.
    """
    model = _parsed(source)
    graph = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor).copy() for tensor in graph.initializer}
    draft = Draft(name=name, opset=model.opset_import[0].version, constants=constants)
    for node in graph.node:
        if node.op_type == "Constant":
            draft.constants[node.output[0]] = numpy_helper.to_array(attribute(node, "value")).copy()
        else:
            draft.nodes.append(node)
    draft.inputs = {end.name: _shape(end) for end in graph.input if _is_fed(draft, end.name)}
    draft.outputs = {end.name: _shape(end) for end in graph.output}
    return draft


def sealed(draft: Draft) -> bytes:
    """The draft as a checked ONNX file; the same draft always gives the same bytes.

    Raises:
        ValueError: what the passes left is not a network.
    """
    _prune(draft)
    graph = helper.make_graph(
        draft.nodes,
        draft.name,
        _ends(draft.inputs),
        _ends(draft.outputs),
        [numpy_helper.from_array(_dense(value), name) for name, value in sorted(draft.constants.items())],
    )
    opset = [helper.make_opsetid("", draft.opset)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="onlooker")
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise ValueError(f"the result is not valid ONNX: {error}") from error
    return bytes(model.SerializeToString(deterministic=True))


def attribute(node: onnx.NodeProto, name: str, otherwise: Any = None) -> Any:
    """The value of a node's attribute, or `otherwise` when it has none of that name."""
    for candidate in node.attribute:
        if candidate.name == name:
            return helper.get_attribute_value(candidate)
    return otherwise


def _parsed(source: bytes) -> onnx.ModelProto:
    try:
        model = onnx.load_model_from_string(source)
    except DecodeError as error:
        raise ValueError("it is not an ONNX file") from error
    if not model.opset_import or not model.graph.node:
        raise ValueError("it is not an ONNX file")
    return model


def _prune(draft: Draft) -> None:
    """Leave out nodes that no output needs, and constants that no node reads."""
    needed = set(draft.outputs)
    kept = []
    for node in reversed(draft.nodes):
        if needed & set(node.output):
            needed |= set(node.input)
            kept.append(node)
    draft.nodes = kept[::-1]
    draft.constants = {name: value for name, value in draft.constants.items() if name in needed}


def _is_fed(draft: Draft, name: str) -> bool:
    produced = {output for node in draft.nodes for output in node.output}
    return name not in draft.constants and name not in produced and bool(draft.readers(name))


def _shape(end: onnx.ValueInfoProto) -> Sequence[int | str]:
    return [d.dim_param or d.dim_value for d in end.type.tensor_type.shape.dim]


def _ends(shapes: Mapping[str, Sequence[int | str]]) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in shapes.items()]


def _dense(value: Constant) -> Constant:
    return value if value.ndim == 0 else np.ascontiguousarray(value)
