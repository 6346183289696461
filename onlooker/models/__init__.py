"""Models: what they are, where they come from, how they become ONNX files."""
