"""Secrets come from the environment or from files, never from the configuration; nothing here prints one."""

import logging
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from onlooker.settings.clickhouse_section import ClickHouseSettings
from onlooker.settings.configuration import Settings
from schemas.broker import BrokerOptions
from schemas.errors import UsageError
from schemas.wire.registry import RegistryOptions

KAFKA_PASSWORD = "ONLOOKER_KAFKA_PASSWORD"  # noqa: S105 - the name of a variable
CLICKHOUSE_PASSWORD = "ONLOOKER_CLICKHOUSE_PASSWORD"  # noqa: S105 - the name of a variable
REGISTRY_PASSWORD = "ONLOOKER_REGISTRY_PASSWORD"  # noqa: S105 - the name of a variable
CLICKHOUSE_URL = "ONLOOKER_CLICKHOUSE_URL"
IN_A_FILE = "_FILE"
"""Appended to a variable's name: the secret is in the file that the variable names."""
LONGEST_BYTES = 64 * 1024

Warn = Callable[[str], None]
_warn = logging.getLogger(__name__).warning


def with_secrets(settings: Settings, environ: Mapping[str, str], *, warn: Warn = _warn) -> Settings:
    """The settings with what must not stand in the configuration filled in.

    A variable wins over the file that a variable names, that over the file that the configuration names.

    Args:
        settings: the configuration.
        environ: of this process.
        warn: takes a sentence about a file that too many can read.

    Returns:
        Settings to connect with; never to be shown: `without_secrets` makes them fit for that.

    Raises:
        UsageError: a file is missing, unreadable or empty, or a password is needed and nowhere.
    """
    return msgspec.structs.replace(
        settings,
        kafka=kafka_with_secrets(settings.kafka, environ, warn=warn),
        clickhouse=clickhouse_with_secrets(settings.clickhouse, environ, warn=warn),
        registry=registry_with_secrets(settings.registry, environ, warn=warn),
    )


def kafka_with_secrets(
    options: BrokerOptions, environ: Mapping[str, str], *, warn: Warn = _warn
) -> BrokerOptions:
    """The Kafka section of `with_secrets`.

    Raises:
        UsageError: a file is missing, unreadable or empty, or brokers ask who we are and that is not said.
    """
    if not options.uses_sasl:
        return options
    find = Finder(environ, warn)
    password = find.secret(KAFKA_PASSWORD, options.password_file, "kafka.password_file") or options.password
    if not options.username:
        raise UsageError(f"kafka.security is {options.security}: say who asks in kafka.username.")
    if password is None:
        raise UsageError(
            f"kafka.security is {options.security} and there is no password: set {KAFKA_PASSWORD}, "
            f"or name a file in {KAFKA_PASSWORD}{IN_A_FILE} or kafka.password_file."
        )
    return msgspec.structs.replace(options, password=password)


def clickhouse_with_secrets(
    options: ClickHouseSettings, environ: Mapping[str, str], *, warn: Warn = _warn
) -> ClickHouseSettings:
    """The ClickHouse section of `with_secrets`.

    Raises:
        UsageError: a file is missing, unreadable or empty.
    """
    find = Finder(environ, warn)
    url = find.secret(CLICKHOUSE_URL, None, "clickhouse.url") or options.url
    password = find.secret(CLICKHOUSE_PASSWORD, options.password_file, "clickhouse.password_file")
    return msgspec.structs.replace(options, url=url, password=password or options.password)


def registry_with_secrets(
    options: RegistryOptions, environ: Mapping[str, str], *, warn: Warn = _warn
) -> RegistryOptions:
    """The section of `with_secrets` for the schema registry.

    Raises:
        UsageError: a file is missing, unreadable or empty, or there is a user and no password.
    """
    if options.url is None or options.username is None:
        return options
    found = Finder(environ, warn).secret(REGISTRY_PASSWORD, options.password_file, "registry.password_file")
    password = found or options.password
    if password is None:
        raise UsageError(
            f"registry.username is {options.username!r} and there is no password: set {REGISTRY_PASSWORD}, "
            f"or name a file in {REGISTRY_PASSWORD}{IN_A_FILE} or registry.password_file."
        )
    return msgspec.structs.replace(options, password=password)


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Every secret value that settings hold, for whoever keeps them out of logs.

    Args:
        settings: as `with_secrets` gives them.

    Returns:
        Passwords of Kafka, ClickHouse, the registry and cameras.
    """
    urls = [camera.source for stand in settings.stands for camera in stand.cameras]
    parts = (settings.kafka, settings.clickhouse, settings.registry)
    urls += [settings.clickhouse.url or "", settings.registry.url or ""]
    found = [*(part.password for part in parts), *map(_password_of, urls)]
    return tuple(dict.fromkeys(secret for secret in found if secret))


class Finder:
    """Looks for secrets in variables and files.

    Args:
        environ: of this process.
        warn: takes a sentence about a file that too many can read.
    """

    def __init__(self, environ: Mapping[str, str], warn: Warn) -> None:
        self._environ = environ
        self._warn = warn

    def secret(self, variable: str, file: Path | None, setting: str) -> str | None:
        """One secret.

        Args:
            variable: the name of its variable.
            file: that the configuration names.
            setting: where it names it.

        Returns:
            The secret; None when it is nowhere.

        Raises:
            UsageError: a file is missing, unreadable or empty.
        """
        if self._environ.get(variable):
            return self._environ[variable]
        named = self._environ.get(variable + IN_A_FILE)
        if named:
            return self._read(Path(named), variable + IN_A_FILE)
        return None if file is None else self._read(file, setting)

    def _read(self, path: Path, named_by: str) -> str:
        try:
            with path.open("rb") as file:
                text = file.read(LONGEST_BYTES + 1).decode().strip("\r\n")
                mode = path.stat().st_mode
        except OSError as error:
            raise UsageError(
                f"The secret file {path} ({named_by}) cannot be read: {error.strerror}."
            ) from None
        except UnicodeDecodeError:
            raise UsageError(f"The secret file {path} ({named_by}) is not UTF-8 text.") from None
        if not text or len(text) > LONGEST_BYTES or "\n" in text:
            raise UsageError(f"The secret file {path} ({named_by}) must hold one line: the secret.")
        if mode & stat.S_IROTH:
            self._warn(f"Every user of this machine can read the secret file {path}: chmod 600 {path}")
        return text


def _password_of(url: str) -> str | None:
    try:
        password = urlsplit(url).password if "://" in url else None
    except ValueError:
        return None
    return None if password is None else unquote(password)
