"""The embedded run: cameras through the topology in one process."""
