"""Recipe: an int8 ONNX file of the OpenCV zoo -> float32, free batch or picture size."""

from onlooker.models.recipes.draft import Draft, opened, sealed
from onlooker.models.recipes.passes import (
    drop_dropout,
    flush_denormals,
    fold_affine,
    fold_dequantized,
    rewrite_prelu,
)


def yunet(source: bytes) -> bytes:
    """The zoo's `face_detection_yunet_2023mar_int8bq.onnx` in float32, with free picture height and width."""
    draft = _cleaned(source, "yunet")
    draft.inputs = {"input": [1, 3, "height", "width"]}
    for name, (_, _, numbers) in draft.outputs.items():
        stride = name.split("_")[1]
        draft.outputs[name] = [1, f"cells_{stride}", numbers]
    return sealed(draft)


def sface(source: bytes) -> bytes:
    """The zoo's `face_recognition_sface_2021dec_int8bq.onnx` in float32, with a free batch."""
    draft = _cleaned(source, "sface")
    draft.inputs = {"data": ["faces", 3, 112, 112]}
    draft.outputs = {"fc1": ["faces", 128]}
    return sealed(draft)


def _cleaned(source: bytes, name: str) -> Draft:
    draft = opened(source, name)
    fold_dequantized(draft)
    drop_dropout(draft)
    fold_affine(draft)
    rewrite_prelu(draft)
    flush_denormals(draft)
    return draft
