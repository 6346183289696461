"""The door to onnxruntime: a network from an ONNX file, one thread, timed."""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

# Otherwise the library keeps a device id and events in the home directory and looks for its maker's host; it
# reads this once, when it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from schemas.errors import DependencyAwayError
from schemas.ports import Floats

REFUSALS = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)
"""What onnxruntime raises for a file that it cannot load; the types have no ancestor of their own."""


class OnnxNet:
    """An onnxruntime session with one thread; it sums up the time spent in `session.run`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.runs = 0
        self.seconds = 0.0
        self._session = _open_session(path)
        self._names = [output.name for output in self._session.get_outputs()]

    def run(self, inputs: Mapping[str, Floats]) -> Sequence[Floats]:
        """One forward pass.

        Args:
            inputs: an array for each input name of the network.

        Returns:
            All outputs in the network's order.
        """
        started = time.perf_counter()
        outputs: Sequence[Floats] = self._session.run(None, dict(inputs))
        self.seconds += time.perf_counter() - started
        self.runs += 1
        return outputs

    @property
    def output_names(self) -> Sequence[str]:
        """Names of the outputs, in the order `run` gives them."""
        return self._names

    @property
    def input_names(self) -> Sequence[str]:
        """Names of the inputs."""
        return [i.name for i in self._session.get_inputs()]


def _open_session(path: Path) -> ort.InferenceSession:
    if not path.is_file():
        raise DependencyAwayError(f"The model {path} is missing. Run `onlooker models prepare`.")
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Not `session.set_denormal_as_zero`: it changes the arithmetic of the whole thread, ours included, and
    # gains nothing, because the recipes flush denormal weights.
    # Folds int8 weights to float32 at load.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except REFUSALS as error:
        raise DependencyAwayError(
            f"The model {path} cannot be loaded ({str(error).splitlines()[0][:160]}). "
            "Run `onlooker models verify`."
        ) from error
