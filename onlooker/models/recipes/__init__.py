"""Recipes: pure functions that turn the weights of a wheel into a plain float32 ONNX file, without TensorFlow."""
