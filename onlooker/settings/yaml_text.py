"""YAML as people write it: what it says, on which line it says it, and what it cannot mean."""

from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from schemas.errors import UsageError
from schemas.files import words_of
from schemas.names import quoted

MOST_BYTES = 16 * 1024 * 1024
"""Ten thousand stands fit many times."""
MOST_VALUES = 2_000_000
"""A few lines that refer to each other could stand for more than any memory holds."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says."""

    value: Any
    """YAML's own kinds of values; an empty mapping for an empty file."""
    lines: Mapping[str, int]
    """The line of each value, counted from 1, by its path as msgspec writes it: `$.stands[0].cameras`."""


class _TwiceError(ValueError):
    """A key is given twice: YAML, but not to be guessed at."""


class _Loader(yaml.SafeLoader):
    """Refuses what would be taken silently: a key given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[str, int] = {}
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            name, line = key.value, key.start_mark.line + 1
            if name in seen:
                raise _TwiceError(f"{name!r} is said on line {seen[name]} and again on line {line}.")
            seen[name] = line
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Document:
    """What a YAML file says; nothing of it is checked yet.

    Args:
        path: the file.

    Returns:
        Its value, and where each part of it stands.

    Raises:
        UsageError: it cannot be read, is no YAML, says something twice, or is too large or too deep.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise UsageError(f"{quoted(path)} has more than {MOST_BYTES} bytes: that is no configuration.")
        return _parsed(data.decode("utf-8-sig"))
    except OSError as error:
        words = words_of(error, path)
        raise UsageError(f"The configuration {quoted(path)} cannot be read: {words}.") from error
    except _TwiceError as error:
        raise UsageError(f"{quoted(path)}: {error}") from error
    except RecursionError:
        raise UsageError(f"{quoted(path)} is not YAML that can be meant: it is nested too deeply.") from None
    except (yaml.YAMLError, ValueError) as error:
        raise UsageError(f"{quoted(path)} is not YAML: {_words_of(error)}") from error


def _words_of(error: Exception) -> str:
    """What is wrong, and where: the library's own words show the line only of a file that it has opened."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        said = [words for words in (error.context, error.problem) if words]
        return f"{' '.join(said)} (line {mark.line + 1}, column {mark.column + 1})"
    return " ".join(str(error).split())


def _parsed(text: str) -> Document:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return Document(value={}, lines={})
        lines: dict[str, int] = {}
        for number, (path, line) in enumerate(_lines(node, "$")):
            if number > MOST_VALUES:
                raise yaml.YAMLError("it stands for more values than any configuration has")
            lines[path] = line
        value = loader.construct_document(node)
        return Document(value={} if value is None else value, lines=lines)
    finally:
        loader.dispose()


def _lines(node: yaml.Node, path: str) -> Iterator[tuple[str, int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _lines(value, f"{path}.{getattr(key, 'value', '')}")
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, f"{path}[{index}]")
