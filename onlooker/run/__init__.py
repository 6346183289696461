"""The local run: cameras through the topology in one process."""
