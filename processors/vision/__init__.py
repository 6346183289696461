"""Pictures and networks: the doors to OpenCV and onnxruntime, boxes, headers of picture files."""
