"""Where each setting comes from: the file, a variable, or the defaults, in the order of `precedence`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from onlooker.settings.configuration import HIDDEN, load_settings, without_secrets
from onlooker.settings.flags import NO_FLAGS, SERVERS
from onlooker.settings.passwords import Finder
from onlooker.settings.precedence import clickhouse_url
from onlooker.settings.yaml_text import read_yaml

_replace = msgspec.structs.replace


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """The settings in force, fit to be shown, and where they come from."""

    settings: Any
    """Plain values; no secret is among them: a password is None though it is set."""
    origins: Mapping[str, str]
    """By path, `kafka.prefix` or `stands[0].stand_id`: the file, the variable, or the setting that names a
    file with it. What is missing here is a default."""


def shown(config: Path | None, environ: Mapping[str, str]) -> Shown:
    """What is in force, for a person or a program that wants to know. No file with a password is read.

    Args:
        config: the configuration; None: the defaults.
        environ: of this process.

    Raises:
        UsageError: the configuration is wrong, or the file of a URL cannot be read.
    """
    settings, find = load_settings(config), Finder(environ)
    url, level = clickhouse_url(settings.clickhouse, NO_FLAGS, find)
    settings = _replace(settings, clickhouse=_replace(settings.clickhouse, url=url))
    origins = {} if config is None else dict.fromkeys(_leaves(read_yaml(config).value), str(config))
    for server in SERVERS:
        setting, in_file = f"{server}.password", getattr(settings, server).password_file is not None
        origins[setting] = find.named_by(setting) or (f"{setting}_file" if in_file else "")
    if level == "environment":
        origins["clickhouse.url"] = find.named_by("clickhouse.url") or ""
    plain = msgspec.to_builtins(without_secrets(settings), str_keys=True, enc_hook=str)
    return Shown(settings=plain, origins={path: origin for path, origin in origins.items() if origin})


def _leaves(value: Any, path: str = "") -> Iterator[str]:
    """The paths of all values that are said."""
    if isinstance(value, dict) and value:
        for name, inside in value.items():
            yield from _leaves(inside, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list) and value:
        for number, inside in enumerate(value):
            yield from _leaves(inside, f"{path}[{number}]")
    else:
        yield path


def as_yaml(found: Shown) -> str:
    """Settings as a configuration, with a remark on each line that is not a default.

    Returns:
        YAML that is a configuration, too.
    """
    text: str = yaml.safe_dump(found.settings, sort_keys=False, allow_unicode=True, width=float("inf"))
    for path, node in reversed(list(_nodes(yaml.compose(text, Loader=yaml.SafeLoader)))):
        if path in found.origins:
            end, remark = node.end_mark.index, _remark(path, node.value, found.origins[path])
            text = f"{text[:end]}  # {remark}{text[end:]}"
    return text


def _nodes(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each value of a document with its path."""
    if isinstance(node, yaml.MappingNode) and node.value:
        for name, inside in node.value:
            yield from _nodes(inside, f"{path}.{name.value}".lstrip("."))
    elif isinstance(node, yaml.SequenceNode) and node.value:
        for number, inside in enumerate(node.value):
            yield from _nodes(inside, f"{path}[{number}]")
    else:
        yield path, node


def _remark(path: str, value: Any, origin: str) -> str:
    origin = "".join(filter(str.isprintable, origin))
    if path.endswith(".password"):
        return f"set, not shown: from {origin}"
    return f"from {origin}" + (", its secrets are not shown" if HIDDEN in value else "")
