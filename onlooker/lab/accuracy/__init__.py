"""Accuracy on the evaluation data, measured through the same code as `analyze`: `make measure`."""
