"""What was used on a way, counted: files, functions, lines."""

from collections.abc import Iterable, Sequence

from tests.ways.traced import Use
from tests.ways.walks import AT_WORK


def files_of(uses: Iterable[Use]) -> dict[str, list[str]]:
    """Files in the order of first use, each with its functions in theirs."""
    found: dict[str, dict[str, None]] = {}
    for use in uses:
        found.setdefault(use.path, {})[use.function] = None
    return {path: list(functions) for path, functions in found.items()}


def lines_of(uses: Iterable[Use]) -> int:
    """How many lines the functions that ran have together."""
    return len({(use.path, line) for use in uses for line in range(use.first, use.last + 1)})


def figures(uses: Sequence[Use]) -> dict[str, object]:
    """Everything about one way, for `--json`."""
    files = files_of(uses)
    working = [use for use in uses if use.stage == AT_WORK]
    return {
        "files": len(files),
        "functions": sum(map(len, files.values())),
        "lines": lines_of(uses),
        "files_at_work": len(files_of(working)) if working else None,
        "lines_at_work": lines_of(working) if working else None,
        "order": files,
        "order_at_work": list(files_of(working)),
    }
