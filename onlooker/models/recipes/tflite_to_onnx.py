"""Recipe: a small convolutional TensorFlow Lite file -> ONNX, by the flatbuffers reader alone."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tflite

from onlooker.models.recipes.draft import Constant, Draft, sealed
from onlooker.models.recipes.passes import add_prelu, flush_denormals

_TYPES: Mapping[int, type] = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
}
_TO_NCHW = [0, 3, 1, 2]
_TO_NHWC = [0, 2, 3, 1]


def landmark_net(source: bytes) -> bytes:
    """A MediaPipe landmark network in float32 with a free batch.

    It may have convolutions, PReLU, pooling, padding, sums and reshapes only; the ends keep their names and
    their channels-last shapes.

    Raises:
        ValueError: the file has an operator or an activation that the recipe does not know.
    """
    draft = _Reader(source).draft
    flush_denormals(draft)
    return sealed(draft)


class _Reader:
    """Walks the operators of the first subgraph and writes them, channels first, into a draft."""

    def __init__(self, source: bytes) -> None:
        self._model = tflite.Model.GetRootAsModel(source, 0)
        self._graph = self._model.Subgraphs(0)
        self.draft = Draft(name="landmark_net")
        self.read: dict[int, Constant] = {}
        """Constants that operators have made, by the number of their tensor."""
        for index in self._graph.InputsAsNumpy():
            name = self.name(index)
            self.draft.inputs[name] = ["faces", *self.shape(index)[1:]]
            self.draft.add("Transpose", [name], self.value(index), perm=_TO_NCHW)
        for number in range(self._graph.OperatorsLength()):
            self._write(self._graph.Operators(number))
        for index in self._graph.OutputsAsNumpy():
            name, shape = self.name(index), self.shape(index)
            self.draft.outputs[name] = ["faces", *shape[1:]]
            operator, how = ("Transpose", {"perm": _TO_NHWC}) if len(shape) == 4 else ("Identity", {})
            self.draft.add(operator, [self.value(index)], name, **how)

    def _write(self, operator: Any) -> None:
        code = self._model.OperatorCodes(operator.OpcodeIndex())
        # Old files keep the operator in the deprecated field, newer ones in both.
        kind = tflite.opcode2name(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()))
        if kind not in _WRITERS:
            raise ValueError(f"The recipe does not know the operator {kind}.")
        _WRITERS[kind](self, operator)

    def name(self, index: int) -> str:
        return bytes(self._graph.Tensors(index).Name()).decode()

    def value(self, index: int) -> str:
        """Name of a tensor in the draft, where pictures are channels first."""
        return f"nchw/{self.name(index)}"

    def shape(self, index: int) -> Sequence[int]:
        return [int(d) for d in self._graph.Tensors(index).ShapeAsNumpy()]

    def constant(self, index: int) -> Constant:
        if index in self.read:
            return self.read[index]
        tensor = self._graph.Tensors(index)
        data = self._model.Buffers(tensor.Buffer()).DataAsNumpy()
        return np.frombuffer(data.tobytes(), _TYPES[tensor.Type()]).reshape(self.shape(index))


def _options(operator: Any, kind: type) -> Any:
    options = kind()
    options.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
    return options


def _pads(options: Any, size: Sequence[int], kernel: Sequence[int]) -> Sequence[int]:
    """[top, left, bottom, right] of TensorFlow's SAME or VALID padding."""
    if options.Padding() == tflite.Padding.VALID:
        return [0, 0, 0, 0]
    strides = _strides(options)
    total = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(size, kernel, strides, strict=True)]
    before = [t // 2 for t in total]
    return [*before, *(t - b for t, b in zip(total, before, strict=True))]


def _strides(options: Any) -> Sequence[int]:
    return [options.StrideH(), options.StrideW()]


def _activated(reader: _Reader, options: Any, value: str, output: str) -> None:
    """Append the activation that TensorFlow Lite fuses into an operator."""
    kinds = tflite.ActivationFunctionType
    operators = {kinds.NONE: "Identity", kinds.RELU: "Relu"}
    if options.FusedActivationFunction() not in operators:
        raise ValueError(f"The recipe does not know the activation {options.FusedActivationFunction()}.")
    reader.draft.add(operators[options.FusedActivationFunction()], [value], output)


def _dequantize(reader: _Reader, operator: Any) -> None:
    reader.read[operator.Outputs(0)] = reader.constant(operator.Inputs(0)).astype(np.float32)


def _conv(reader: _Reader, operator: Any) -> None:
    kernel = reader.constant(operator.Inputs(1)).transpose(0, 3, 1, 2)
    _write_conv(reader, operator, _options(operator, tflite.Conv2DOptions), kernel)


def _depthwise_conv(reader: _Reader, operator: Any) -> None:
    kernel = reader.constant(operator.Inputs(1)).transpose(3, 0, 1, 2)
    _write_conv(reader, operator, _options(operator, tflite.DepthwiseConv2DOptions), kernel)


def _write_conv(reader: _Reader, operator: Any, options: Any, kernel: Constant) -> None:
    output, (value, _, bias) = reader.value(operator.Outputs(0)), operator.InputsAsNumpy()
    channels = reader.shape(value)[3]
    inputs = [
        reader.value(value),
        reader.draft.constant(f"{output}/kernel", kernel),
        reader.draft.constant(f"{output}/bias", reader.constant(bias)),
    ]
    pads = _pads(options, reader.shape(value)[1:3], kernel.shape[2:])
    how = {"group": channels // kernel.shape[1], "strides": _strides(options), "pads": pads}
    reader.draft.add("Conv", inputs, f"{output}/conv", kernel_shape=kernel.shape[2:], **how)
    _activated(reader, options, f"{output}/conv", output)


def _prelu(reader: _Reader, operator: Any) -> None:
    slopes = reader.constant(operator.Inputs(1))
    add_prelu(reader.draft, reader.value(operator.Inputs(0)), slopes, reader.value(operator.Outputs(0)))


def _sum(reader: _Reader, operator: Any) -> None:
    output = reader.value(operator.Outputs(0))
    inputs = [reader.value(i) for i in operator.InputsAsNumpy()]
    reader.draft.add("Add", inputs, f"{output}/sum")
    _activated(reader, _options(operator, tflite.AddOptions), f"{output}/sum", output)


def _max_pool(reader: _Reader, operator: Any) -> None:
    options = _options(operator, tflite.Pool2DOptions)
    value, output = operator.Inputs(0), reader.value(operator.Outputs(0))
    kernel = [options.FilterHeight(), options.FilterWidth()]
    pads = _pads(options, reader.shape(value)[1:3], kernel)
    how = {"kernel_shape": kernel, "strides": _strides(options), "pads": pads}
    reader.draft.add("MaxPool", [reader.value(value)], f"{output}/pool", **how)
    _activated(reader, options, f"{output}/pool", output)


def _pad(reader: _Reader, operator: Any) -> None:
    output = reader.value(operator.Outputs(0))
    amounts = reader.constant(operator.Inputs(1)).astype(np.int64)[_TO_NCHW].T.reshape(-1)
    pads = reader.draft.constant(f"{output}/pads", amounts)
    reader.draft.add("Pad", [reader.value(operator.Inputs(0)), pads], output)


def _reshape(reader: _Reader, operator: Any) -> None:
    value, result = operator.Inputs(0), operator.Outputs(0)
    output = reader.value(result)
    last = reader.draft.add("Transpose", [reader.value(value)], f"{output}/nhwc", perm=_TO_NHWC)
    shape = np.array([-1, *reader.shape(result)[1:]], np.int64)
    reader.draft.add("Reshape", [last, reader.draft.constant(f"{output}/shape", shape)], output)


_WRITERS: Mapping[str, Callable[[_Reader, Any], None]] = {
    "DEQUANTIZE": _dequantize,
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise_conv,
    "PRELU": _prelu,
    "ADD": _sum,
    "MAX_POOL_2D": _max_pool,
    "PAD": _pad,
    "RESHAPE": _reshape,
}
