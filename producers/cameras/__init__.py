"""Cameras and recordings: opened, read, stamped, buffered."""
