"""A user's own models: taken when they fit, refused with the stage and what is expected when they do not."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
import pytest
from onnx import helper

from onlooker.models.cache import ModelCache
from onlooker.models.overrides import fits, resolve_models
from onlooker.models.recipes import converted
from schemas.errors import DependencyAwayError, UsageError

Ends = Mapping[str, Sequence[int | str]]
INPUT: Ends = {"data": ["n", 3, 112, 112]}
OUTPUT: Ends = {"fc1": ["n", 128]}


def own(path: Path, inputs: Ends = INPUT, outputs: Ends = OUTPUT) -> Path:
    """An ONNX file with these ends; what it computes does not matter here."""

    def infos(ends: Ends) -> list[onnx.ValueInfoProto]:
        return [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, s) for n, s in ends.items()]

    first = next(iter(inputs))
    nodes = [helper.make_node("Identity", [first], [name]) for name in outputs]
    path.write_bytes(
        helper.make_model(helper.make_graph(nodes, "g", infos(inputs), infos(outputs))).SerializeToString()
    )
    return path


def resolved(tmp_path: Path, path: Path, stage: str = "template") -> Mapping[str, Path]:
    return resolve_models(ModelCache(tmp_path / "cache"), {stage: path}, stages=[stage])


def test_a_file_that_fits_takes_the_place_of_the_prepared_one(tmp_path: Path) -> None:
    path = own(tmp_path / "own.onnx")
    assert resolved(tmp_path, path) == {"template": path}


def test_one_face_at_a_time_and_further_outputs_are_fine(tmp_path: Path) -> None:
    path = own(tmp_path / "own.onnx", {"data": [1, 3, 112, 112]}, {"more": [1, 7], "fc1": [1, 128]})
    assert resolved(tmp_path, path) == {"template": path}


@pytest.mark.parametrize(
    ("inputs", "outputs", "words"),
    [
        ({"image": ["n", 3, 112, 112]}, OUTPUT, r"the input data \[faces, 3, 112, 112\].*has image"),
        ({"data": ["n", 3, 224, 224]}, OUTPUT, r"data must be \[faces, 3, 112, 112\].*\[n, 3, 224, 224\]"),
        ({"data": [8, 3, 112, 112]}, OUTPUT, r"data must be .* it is \[8, 3, 112, 112\]"),
        (INPUT, {"fc1": ["n", 512]}, r"output fc1 must be \[faces, 128\].*\[n, 512\]"),
        (INPUT, {"embedding": ["n", 128]}, r"output fc1 \[faces, 128\] is expected.*has embedding"),
        ({**INPUT, "age": [1]}, OUTPUT, "also wants the inputs age"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path: Path, inputs: Ends, outputs: Ends, words: str) -> None:
    path = own(tmp_path / "own.onnx", inputs, outputs)
    with pytest.raises(UsageError, match=rf"^models\.template: .*{words}"):
        resolved(tmp_path, path)


def test_a_detector_with_one_picture_size_is_refused(tmp_path: Path) -> None:
    path = own(tmp_path / "own.onnx", {"input": [1, 3, 640, 640]}, {"cls_8": [1, 6400, 1]})
    with pytest.raises(UsageError, match=r"models\.detection: .*\[1, 3, height, width\].*\[1, 3, 640, 640\]"):
        resolved(tmp_path, path, "detection")


def test_an_unknown_stage_names_the_stages(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"models\.nose: there is no such stage.*detection, mesh, template"):
        resolved(tmp_path, own(tmp_path / "own.onnx"), "nose")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"models\.template: there is no file .*absent\.onnx"):
        resolved(tmp_path, tmp_path / "absent.onnx")


@pytest.mark.parametrize("content", [b"", b"not a network", b"\x00" * 64])
def test_a_file_that_is_not_onnx_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "own.onnx"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"models\.template: .*own\.onnx is not an ONNX file"):
        resolved(tmp_path, path)


def test_models_that_are_not_prepared_are_named_with_the_mend(tmp_path: Path) -> None:
    with pytest.raises(DependencyAwayError, match=r"detection, age\. Run `onlooker models prepare`"):
        resolve_models(ModelCache(tmp_path), {}, stages=["detection", "age"])


@pytest.mark.parametrize(
    ("expected", "found", "answer"),
    [
        ([1, 3, "height", "width"], [1, 3, "h", "w"], True),
        ([1, 3, "height", "width"], ["n", 3, "h", "w"], True),
        ([1, 3, "height", "width"], [1, 3, 640, "w"], False),
        (["faces", 128], [1, 128], True),
        (["faces", 128], [2, 128], False),
        (["faces", 128], ["n", 1, 128], False),
        (["faces", 128], [], True),
    ],
)
def test_shapes_fit(expected: Sequence[int | str], found: Sequence[int | str], answer: bool) -> None:
    assert fits(expected, found) is answer


@pytest.mark.parametrize(
    "recipe", ["onnx_zoo.yunet", "tflite_to_onnx.landmark_net", "keras_to_onnx.mini_xception"]
)
@pytest.mark.parametrize("content", [b"", b"x\n", b"not a network at all"])
def test_a_file_that_a_recipe_cannot_convert_is_refused(tmp_path: Path, recipe: str, content: bytes) -> None:
    path = tmp_path / "own.bin"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=rf"The recipe {recipe} cannot convert .*own\.bin"):
        converted(recipe, path)
