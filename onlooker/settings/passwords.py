"""Secrets come from the environment or from files, never from the configuration; nothing here prints one."""

import logging
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from onlooker.settings.configuration import Settings
from schemas.errors import UsageError
from schemas.files import words_of
from schemas.names import quoted

IN_A_FILE = "_FILE"
"""Appended to a variable's name: the secret is in the file that the variable names."""
LONGEST_BYTES = 64 * 1024

Warn = Callable[[str], None]
"""Takes a sentence about a secret file that too many can read."""
warn_in_log = logging.getLogger(__name__).warning


def variable_of(setting: str) -> str:
    """The environment variable of a setting: `ONLOOKER_KAFKA_PASSWORD` for `kafka.password`."""
    return f"ONLOOKER_{setting.upper().replace('.', '_')}"


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Every secret of settings that are ready to connect with, for whoever keeps them out of logs.

    Returns:
        Passwords of Kafka, ClickHouse, the registry and cameras.
    """
    urls = [camera.source for stand in settings.stands for camera in stand.cameras]
    parts = (settings.kafka, settings.clickhouse, settings.registry)
    urls += [settings.clickhouse.url or "", settings.registry.url or ""]
    found = [*(part.password for part in parts), *map(password_in, urls)]
    return tuple(dict.fromkeys(secret for secret in found if secret))


def password_in(url: str) -> str | None:
    """The password that stands in a URL; None when there is none, or it is no URL."""
    try:
        password = urlsplit(url).password if "://" in url else None
    except ValueError:
        return None
    return None if password is None else unquote(password)


class Finder:
    """Looks for secrets in variables and files; settings are called by their path, `kafka.password`."""

    def __init__(self, environ: Mapping[str, str], warn: Warn = warn_in_log) -> None:
        self._environ = environ
        self._warn = warn

    def named_by(self, setting: str) -> str | None:
        """The variable that says a setting: its own, that of its file, or None."""
        variable = variable_of(setting)
        return next((name for name in (variable, variable + IN_A_FILE) if self._environ.get(name)), None)

    def variable(self, setting: str) -> str | None:
        """What the environment says of a setting, by a variable or by the file that a variable names.

        Returns:
            The value; None when the environment says nothing.

        Raises:
            UsageError: the file is missing, unreadable or empty.
        """
        name = self.named_by(setting)
        if name is None:
            return None
        text = self._environ[name]
        return self.in_file(Path(text), name) if name.endswith(IN_A_FILE) else text

    def secret(self, setting: str, file: Path | None) -> str | None:
        """A secret of the environment, otherwise of the file that the configuration names.

        Args:
            setting: its path, for example `kafka.password`.
            file: that the configuration names; None: it names none.

        Returns:
            The secret; None when it is nowhere.

        Raises:
            UsageError: a file is missing, unreadable or empty.
        """
        return self.variable(setting) or self.in_file(file, f"{setting}_file")

    def in_file(self, path: Path | None, named_by: str) -> str | None:
        """The secret that a file holds.

        Args:
            path: of the file; None: there is none.
            named_by: who names it, for the words.

        Returns:
            Its one line; None without a file.

        Raises:
            UsageError: it is missing, unreadable or empty.
        """
        if path is None:
            return None
        which = f"The secret file {quoted(path)} ({named_by})"
        try:
            with path.open("rb") as file:
                text = file.read(LONGEST_BYTES + 1).decode().strip("\r\n")
                mode = path.stat().st_mode
        except OSError as error:
            raise UsageError(f"{which} cannot be read: {words_of(error, path)}.") from None
        except UnicodeDecodeError:
            raise UsageError(f"{which} is not UTF-8 text.") from None
        if not text or len(text) > LONGEST_BYTES or "\n" in text:
            raise UsageError(f"{which} must hold one line: the secret.")
        if mode & stat.S_IROTH:
            self._warn(f"Every user of this machine can read the secret file: chmod 600 {quoted(path)}")
        return text
