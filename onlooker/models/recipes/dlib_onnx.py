"""Recipe: a dlib network exported to ONNX -> the same with its affine layers folded away."""

from onlooker.models.recipes.draft import opened, sealed
from onlooker.models.recipes.passes import flush_denormals, fold_affine


def folded(source: bytes) -> bytes:
    """`age-v1.onnx` or `gender-v1.onnx` in float32 with the same inputs and outputs and a free batch.

    Its scalings and shifts are folded into its convolutions, no weight is denormal.
    """
    draft = opened(source, "dlib")
    draft.inputs = {name: ["faces", *shape[1:]] for name, shape in draft.inputs.items()}
    draft.outputs = {name: ["faces", *shape[1:]] for name, shape in draft.outputs.items()}
    fold_affine(draft)
    flush_denormals(draft)
    return sealed(draft)
