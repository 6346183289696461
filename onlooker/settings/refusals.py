"""Turns a refused configuration into a sentence that names file, path and the allowed values."""

import re
import types
import typing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec

from onlooker.settings.yaml_text import read_yaml
from schemas.errors import SettingError, UsageError
from schemas.names import quoted

_AT = re.compile(r"^(?P<what>.*?)(?: - at (?P<key>`key` in )?`(?P<path>[^`]+)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+|\.\.\.)\]")
_BARE = re.compile(r"Expected `str[^`]*`, got `(?:int|float|bool|date|datetime|time)`")
"""`opens: 10:00` is a number to YAML, `stand_id: no` is false."""
_FIELD = re.compile(r"unknown field `([^`]+)`")
Wanted = Literal["fields", "keys", "values"]


def refusal(error: msgspec.ValidationError, root: type, file: Path, lines: Mapping[str, int]) -> UsageError:
    """The error for a person.

    Args:
        error: what msgspec found.
        root: the Struct that the file describes.
        file: the configuration file.
        lines: the line of each value, by its path as msgspec writes it.

    Returns:
        A UsageError that names the file, the path inside it, what is wrong and what is allowed there.
    """
    found = _AT.match(str(error))
    assert found is not None
    what, path = found["what"].rstrip("."), (found["path"] or "$")[1:].lstrip(".")
    wanted: Wanted = "keys" if found["key"] else "fields" if "unknown field" in what else "values"
    allowed = allowed_at(root, found["path"] or "$", wanted)
    what = what.replace("Expected `object`", "Expected a mapping of settings")
    unknown = _FIELD.search(what)
    if unknown:
        path = f"{path}.{unknown[1]}".lstrip(".")
        what = "there is no such setting"
    line = lines.get(f"$.{path}" if path else "$")
    at = "" if line is None else f" (line {line})"
    quotes = " YAML takes it for something else than text: put it in quotes." if _BARE.match(what) else ""
    hint = f" Allowed here: {', '.join(allowed)}." if allowed else ""
    return UsageError(f"{quoted(file)}: {path or 'the top level'}: {what}{at}.{quotes}{hint}")


@contextmanager
def placed(file: Path | None) -> Iterator[None]:
    """Say of a setting that is refused inside the block in which file and on which line it stands.

    Args:
        file: the configuration; None: there is none, the command line or the environment says it.

    Raises:
        UsageError: a setting was refused.
    """
    try:
        yield
    except SettingError as error:
        lines = {} if file is None else read_yaml(file).lines
        line = lines.get(f"$.{error.setting}")
        if file is None or not any(path.startswith(f"$.{section_of(error.setting)}") for path in lines):
            raise
        at = "" if line is None else f" (line {line})"
        raise UsageError(f"{quoted(file)}: {error.setting}{at}: {error.words}") from error


def section_of(setting: str) -> str:
    """The first step of a setting's path: `stands`, `kafka`."""
    return re.split(r"[.\[]", setting, maxsplit=1)[0]


def allowed_at(root: type, path: str, wanted: Wanted) -> tuple[str, ...]:
    """What may stand at a path of a configuration.

    Args:
        root: the Struct of the whole.
        path: a path as msgspec writes it, `$.stands[0].cameras`.
        wanted: names of a Struct's fields, keys of a mapping, or values of a Literal.

    Returns:
        Names of fields or values of a Literal; empty when the type allows infinitely many.
    """
    at: Any = root
    for name, _ in _STEP.findall(path):
        at = _inside(at, name)
    at = _bare(at)
    if wanted == "keys" and typing.get_origin(at) is dict:
        at = _bare(typing.get_args(at)[0])
    if isinstance(at, type) and issubclass(at, msgspec.Struct):
        return tuple(at.__struct_encode_fields__) if wanted == "fields" else ()
    if typing.get_origin(at) is Literal:
        return tuple(str(value) for value in typing.get_args(at))
    return ()


def _inside(at: Any, name: str) -> Any:
    """The type one step further: a field of a Struct, or the element of a list or mapping."""
    at = _bare(at)
    if name and isinstance(at, type) and issubclass(at, msgspec.Struct):
        return typing.get_type_hints(at, include_extras=True).get(name)
    arguments = typing.get_args(at)
    return arguments[-1] if arguments and arguments[-1] is not ... else (arguments or (None,))[0]


def _bare(at: Any) -> Any:
    """The type without Annotated and without `| None`."""
    if typing.get_origin(at) is typing.Annotated:
        return _bare(typing.get_args(at)[0])
    if typing.get_origin(at) in (typing.Union, types.UnionType):
        kinds = [kind for kind in typing.get_args(at) if kind is not type(None)]
        return _bare(kinds[0]) if len(kinds) == 1 else at
    return at
