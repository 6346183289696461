"""The converted models answer like the originals, and `verify` sees when one does not."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from onlooker.models.answers import answered, differences, pinned_answers
from onlooker.models.cache import ModelCache, receipt_path
from onlooker.models.registry import load_registry
from onlooker.models.verify import verify
from processors.vision.nets import OnnxNet

PARITY = Path(os.environ.get("ONLOOKER_PARITY", "../shared/reference/models/parity.npz"))
REPOSITORY = Path(__file__).resolve().parents[2]
REGISTRY = load_registry()
PREFIXES = {
    "detection": "yunet",
    "mesh": "face_mesh",
    "template": "sface",
    "expression": "expression",
    "age": "age",
    "gender": "gender",
}


@pytest.fixture(scope="module")
def parity() -> Mapping[str, NDArray[np.float32]]:
    """For each model one input and what its original answered."""
    path = REPOSITORY / PARITY
    if not path.is_file():
        pytest.skip(f"no reference answers at {path} (set ONLOOKER_PARITY)")
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


@pytest.mark.data
@pytest.mark.models
@pytest.mark.parametrize("stage", PREFIXES)
def test_a_model_answers_like_its_original(
    stage: str, parity: Mapping[str, NDArray[np.float32]], model_paths: Mapping[str, Path]
) -> None:
    prefix, net = PREFIXES[stage], OnnxNet(model_paths[stage])
    expected = {k.split("/")[1]: v for k, v in parity.items() if k.startswith(f"{prefix}/")}
    given = expected.pop("input")
    found = dict(zip(net.output_names, net.run({net.input_names[0]: given}), strict=True))
    assert expected
    for name, values in expected.items():
        scale = max(1.0, float(np.abs(values).max()))
        np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-5 * scale, err_msg=name)


@pytest.mark.models
@pytest.mark.parametrize("stage", REGISTRY.stages)
def test_a_model_has_the_ends_that_the_registry_says(stage: str, model_paths: Mapping[str, Path]) -> None:
    net, entry = OnnxNet(model_paths[stage]), REGISTRY.model(stage)
    assert list(net.input_names) == [tensor.name for tensor in entry.inputs]
    assert list(net.output_names) == [tensor.name for tensor in entry.outputs]


@pytest.mark.models
@pytest.mark.parametrize("stage", REGISTRY.stages)
def test_a_model_gives_its_pinned_answers(stage: str, model_paths: Mapping[str, Path]) -> None:
    found = answered(OnnxNet(model_paths[stage]), REGISTRY.model(stage))
    assert differences(found, pinned_answers()[stage]) == []


@pytest.mark.models
@pytest.mark.parametrize("stage", ["template", "mesh", "expression", "age", "gender", "iris"])
def test_two_faces_at_once_get_the_answers_of_each(stage: str, model_paths: Mapping[str, Path]) -> None:
    net, entry = OnnxNet(model_paths[stage]), REGISTRY.model(stage)
    shape = [d for d in entry.inputs[0].shape[1:] if isinstance(d, int)]
    pair = np.random.default_rng(3).random((2, *shape)).astype(np.float32)
    name = entry.inputs[0].name
    for both, first, second in zip(
        net.run({name: pair}), net.run({name: pair[:1]}), net.run({name: pair[1:]}), strict=True
    ):
        np.testing.assert_allclose(both, np.concatenate([first, second]), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ([1.0, 2.0], []),
        ([1.0, 2.003], []),
        ([1.0, 2.1], ["y is off by 0.05"]),
        ([1.0, float("nan")], ["y is off by nan"]),
        ([1.0], ["y has another size"]),
    ],
)
def test_answers_are_compared_with_a_tolerance(found: list[float], words: list[str]) -> None:
    assert differences({"y": found}, {"y": [1.0, 2.0]}) == words


@pytest.mark.models
def test_verify_sees_a_changed_and_a_missing_file(model_paths: Mapping[str, Path], tmp_path: Path) -> None:
    cache = ModelCache(tmp_path)
    for stage in ("gender", "expression"):
        cache.model_path(stage).parent.mkdir(exist_ok=True)
        shutil.copy(model_paths[stage], cache.model_path(stage))
        shutil.copy2(receipt_path(model_paths[stage]), receipt_path(cache.model_path(stage)))
    with cache.model_path("gender").open("r+b") as file:
        file.seek(300_000)
        file.write(b"xx")
    states = {finding.name: finding.state for finding in verify(cache, REGISTRY)}
    assert states["expression"] == "right"
    assert states["gender"] == "changed"
    assert states["age"] == "missing"
    assert cache.missing(["gender"]) == ("gender",)


@pytest.mark.models
def test_verify_sees_a_model_that_answers_otherwise(model_paths: Mapping[str, Path], tmp_path: Path) -> None:
    # Right hash by the registry handed in, wrong network for the stage's pinned answers.
    cache = ModelCache(tmp_path)
    cache.model_path("gender").parent.mkdir()
    shutil.copy(model_paths["age"], cache.model_path("gender"))
    entry, other = REGISTRY.model("gender"), REGISTRY.model("age")
    wrong = msgspec.structs.replace(entry, sha256=other.sha256, inputs=other.inputs)
    registry = msgspec.structs.replace(REGISTRY, models=(wrong,), samples=())
    (finding,) = verify(cache, registry)
    assert finding.state == "answers otherwise"
    assert "probabilities" in finding.words
