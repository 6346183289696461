"""Recipe: a dlib network exported to ONNX -> the same with its affine layers folded away."""

from onlooker.models.recipes.draft import opened, sealed
from onlooker.models.recipes.passes import flush_denormals, fold_affine


def folded(source: bytes) -> bytes:
    """The network with scalings and shifts folded into its convolutions, and no denormal weights.

    Args:
        source: `age-v1.onnx` or `gender-v1.onnx`.

    Returns:
        A float32 ONNX file with the same inputs and outputs and a free batch.
    """
    draft = opened(source, "dlib")
    draft.inputs = {name: ["faces", *shape[1:]] for name, shape in draft.inputs.items()}
    draft.outputs = {name: ["faces", *shape[1:]] for name, shape in draft.outputs.items()}
    fold_affine(draft)
    flush_denormals(draft)
    return sealed(draft)
