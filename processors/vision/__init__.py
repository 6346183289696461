"""The doors to OpenCV and onnxruntime; no other module of this package imports them."""
