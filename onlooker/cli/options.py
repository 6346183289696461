"""Options that several verbs share: the configuration, servers, sources, JSON."""

import functools
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
import msgspec

from onlooker.settings.flags import NO_FLAGS, Flags, Server

if TYPE_CHECKING:
    from onlooker.settings.configuration import Settings, Sources
    from onlooker.settings.judgement import Needs

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]
Group = Literal["database", "cluster", "brokers"]
CONFIG = "ONLOOKER_CONFIG"
"""The environment variable that names the configuration."""

bootstrap_option: Decorator = click.option(
    "--bootstrap", metavar="HOST:PORT,...", help="Kafka's brokers [127.0.0.1:9092]."
)
stands_option: Decorator = click.option(
    "--stand", "stands", multiple=True, metavar="ID", help="Only this stand; may be given several times."
)
pace_option: Decorator = click.option(
    "--pace",
    type=click.Choice(["real", "fast"]),
    default="fast",
    show_default=True,
    help="Recordings at their own speed (frames may be dropped) or as fast as can be (none is).",
)
_FLAGS: Mapping[Group, Mapping[str, Decorator]] = {
    "database": {
        "data_dir": click.option(
            "--data-dir",
            type=click.Path(path_type=Path),
            help="Where the embedded ClickHouse keeps its data, whatever else names a URL.  "
            "[default: onlooker-data]",
        ),
        "url": click.option(
            "--url", help="A ClickHouse server instead: clickhouse://user:password@host:9000/database"
        ),
    },
    "cluster": {
        "cluster": click.option(
            "--cluster", metavar="NAME", help="Make the tables on all servers of this cluster."
        ),
        "replicated": click.option(
            "--replicated", is_flag=True, help="Make them with Replicated engines, which need Keeper."
        ),
    },
    "brokers": {"bootstrap": bootstrap_option},
}


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says about the configuration and the servers."""

    config_path: Path | None = None
    flags: Flags = NO_FLAGS

    def settings(self, *servers: Server, needs: "Needs | None" = None) -> "Settings":
        """The settings that are in force.

        Args:
            servers: those that the verb connects to: their passwords are found, too.
            needs: what the verb opens on this machine.

        Raises:
            UsageError: the file is wrong, flags exclude each other, a password is nowhere, or what is needed
                is not there; names file and line where the file says it.
        """
        from onlooker.settings.configuration import load_settings
        from onlooker.settings.judgement import NOTHING, judge_here
        from onlooker.settings.precedence import in_force
        from onlooker.settings.refusals import placed

        with placed(self.config_path):
            found = in_force(load_settings(self.config_path), os.environ, self.flags, servers=servers)
            judge_here(found, needs or NOTHING, servers)
        return found


def gathered(name: str, kind: Callable[..., Any], **options: Decorator) -> Decorator:
    """Options that a verb takes as one value.

    Args:
        name: of the verb's parameter.
        kind: a Struct, or what makes one.
        options: in the order of the help, by the field of the Struct that each one fills.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def bundled(*args: Any, **said: Any) -> Any:
            value = kind(**{field: said.pop(field) for field in options})
            return command(*args, **{name: value}, **said)

        with_options: Command = bundled
        for option in reversed(options.values()):
            with_options = option(with_options)
        return with_options

    return decorate


def _instant(_: click.Context, __: click.Parameter, words: str | None) -> "datetime | None":
    if words is None:
        return None
    from onlooker.recordings.times import instant_us

    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=instant_us(words))


def _sources(**said: Any) -> "Sources":
    from onlooker.settings.configuration import Sources

    return Sources(**said)


sources_options = gathered(
    "sources",
    _sources,
    names=click.option(
        "--source",
        "names",
        multiple=True,
        metavar="S",
        help="A video file, a folder of pictures, a USB index or an RTSP/HTTP URL; each is a stand of its "
        "own. May be given several times; replaces the configuration's stands.",
    ),
    start_at=click.option(
        "--start-at",
        metavar="TIME",
        callback=_instant,
        help="When the recordings of --source were filmed, like 2026-11-21T07:00 (UTC).  [2000-01-01]",
    ),
    fps=click.option(
        "--fps",
        type=click.FloatRange(min=0, min_open=True),
        metavar="N",
        help="Pictures a second in the folders of --source: no folder is measured without.",
    ),
)
"""The verb takes one `sources: Sources`."""


def config_option(words: str = "A configuration (YAML).", *, environment: bool = True) -> Decorator:
    """The option `--config`, with words for its help; without `environment` no variable names the file."""
    return click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar=CONFIG if environment else None,
        show_envvar=True,
        help=words,
    )


def json_option(words: str) -> Decorator:
    """The option `--json`, with words for its help; the verb takes `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help=words)


def settings_options(*groups: Group, config: Decorator | None = None) -> Decorator:
    """The options of a verb that has settings: `--config`, and the flags of servers.

    Example:
        @click.command()
        @settings_options("database")
        def query(given: Given) -> None:
            with opened(given.settings("clickhouse")) as store: ...

    Args:
        groups: flags that the verb has besides `--config`.
        config: another `--config`, with words of its own.

    Returns:
        A decorator; the verb takes `given: Given`.
    """

    def given(config_path: Path | None, **flags: Any) -> Given:
        return Given(config_path=config_path, flags=Flags(**flags))

    flags = {name: option for group in groups for name, option in _FLAGS[group].items()}
    return gathered("given", given, config_path=config or config_option(), **flags)
