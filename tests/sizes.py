"""Refuses files over 300 lines and functions over 40 lines (rule 7: small rooms)."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_WALL = 300
FUNCTION_WALL = 40
PACKAGES = ("onlooker", "producers", "processors", "sinks", "schemas")


def oversized(path: Path) -> Iterator[str]:
    """The sentences about one file: empty when it is small enough."""
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    if lines > FILE_WALL:
        yield f"{path}: {lines} lines, the wall is {FILE_WALL}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_WALL:
                yield f"{path}:{node.lineno}: {node.name} has {length} lines, the wall is {FUNCTION_WALL}"


def main() -> int:
    """Print what is too large; 1 if anything is."""
    files = [path for package in PACKAGES for path in sorted(Path(package).rglob("*.py"))]
    complaints = [line for path in files for line in oversized(path)]
    sys.stdout.writelines(f"{line}\n" for line in complaints)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
