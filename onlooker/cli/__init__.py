"""The onlooker command: one module a group of verbs."""

from onlooker.cli.root import main

__all__ = ["main"]
