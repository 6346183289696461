"""The chaos test: kill every part of the distributed deployment while it works, then compare every row."""
