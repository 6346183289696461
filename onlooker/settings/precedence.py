"""One precedence for every verb: the flag, the environment, the file of `--config`, the default."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from onlooker.settings.clickhouse_section import ClickHouseSettings
from onlooker.settings.configuration import Settings
from onlooker.settings.flags import NO_FLAGS, SERVERS, Flags, Server
from onlooker.settings.judgement import judge_servers
from onlooker.settings.passwords import IN_A_FILE, Finder, Warn, password_in, variable_of, warn_in_log
from schemas.broker import BrokerOptions
from schemas.errors import SettingError, UsageError
from schemas.wire.registry import RegistryOptions

Level = Literal["flag", "environment", "file"]
_replace = msgspec.structs.replace


def in_force(
    settings: Settings,
    environ: Mapping[str, str],
    flags: Flags = NO_FLAGS,
    *,
    servers: tuple[Server, ...] = SERVERS,
    warn: Warn = warn_in_log,
) -> Settings:
    """The settings that are in force: the first of flag, environment, file and default that says something.

    `--data-dir` means the embedded ClickHouse, whatever names a URL: what is said of that server is void.

    Args:
        settings: of the file, with defaults.
        environ: of this process.
        flags: of the command line.
        servers: those to connect to. Passwords and URLs of others are not looked for: who runs a verb need
            not know them.
        warn: is told of secret files that too many can read.

    Returns:
        Settings to connect with; never to be shown: `without_secrets` makes them fit for that.

    Raises:
        UsageError: flags exclude each other, the file of a secret is missing, unreadable or empty, or a
            password is needed and nowhere.
    """
    if flags.url is not None and flags.data_dir is not None:
        raise UsageError("say either --data-dir or --url, not both")
    find = Finder(environ, warn)
    needed = {server: find if server in servers else None for server in SERVERS}
    found = _replace(
        settings,
        data_dir=flags.data_dir or settings.data_dir,
        clickhouse=_clickhouse(settings.clickhouse, flags, needed["clickhouse"]),
        kafka=_kafka(settings.kafka, flags, needed["kafka"]),
        registry=_registry(settings.registry, flags, needed["registry"]),
    )
    judge_servers(found, servers)
    return found


def clickhouse_url(options: ClickHouseSettings, flags: Flags, find: Finder) -> tuple[str | None, Level]:
    """The URL that is in force, and who says it.

    Returns:
        The URL, None for the embedded server; the level that decides.

    Raises:
        UsageError: the file that a variable names cannot be read.
    """
    if flags.url is not None or flags.data_dir is not None:
        return flags.url, "flag"
    url = find.variable("clickhouse.url")
    return (options.url, "file") if url is None else (url, "environment")


def _clickhouse(options: ClickHouseSettings, flags: Flags, find: Finder | None) -> ClickHouseSettings:
    if flags.data_dir is not None:
        options = ClickHouseSettings()
    elif find is not None:
        url, level = clickhouse_url(options, flags, find)
        options = _replace(options, url=url, password=_password(options, password_in(url or ""), level, find))
    replicated = flags.replicated or options.replicated
    return _replace(options, cluster=flags.cluster or options.cluster, replicated=replicated)


def _password(options: ClickHouseSettings, in_url: str | None, level: Level, find: Finder) -> str | None:
    """The first password; at one level that of its own wins over the one in the URL."""
    own = {level: in_url}
    return (
        own.get("flag")
        or find.variable("clickhouse.password")
        or own.get("environment")
        or find.in_file(options.password_file, "clickhouse.password_file")
        or own.get("file")
        or options.password
    )


def _kafka(options: BrokerOptions, flags: Flags, find: Finder | None) -> BrokerOptions:
    options = _replace(options, bootstrap=flags.bootstrap or options.bootstrap)
    if find is None or not options.uses_sasl:
        return options
    password = find.secret("kafka.password", options.password_file) or options.password
    words = f"kafka.security is {options.security}"
    if not options.username:
        raise SettingError("kafka.security", f"{words}: say who asks in kafka.username.")
    return _replace(options, password=_needed(password, "kafka.password", words))


def _registry(options: RegistryOptions, flags: Flags, find: Finder | None) -> RegistryOptions:
    said = msgspec.structs.asdict(flags.registry)
    options = _replace(options, **{name: value for name, value in said.items() if value is not None})
    if find is None or options.url is None or options.username is None:
        return options
    password = find.in_file(flags.registry.password_file, "--password-file")
    password = password or find.secret("registry.password", options.password_file) or options.password
    words = f"registry.username is {options.username!r}"
    return _replace(options, password=_needed(password, "registry.password", words))


def _needed(password: str | None, setting: str, words: str) -> str:
    if password is None:
        variable = variable_of(setting)
        places = f"set {variable}, or name a file in {variable}{IN_A_FILE} or {setting}_file"
        raise SettingError(setting, f"{words} and there is no password: {places}.")
    return password
