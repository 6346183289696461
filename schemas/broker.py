"""How to reach Kafka: addresses, encryption and who asks. A password is never shown."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from schemas.errors import SettingError, UsageError
from schemas.names import quoted
from schemas.topics import Prefix, TopicNames

SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]


_SERVER = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+(?:%\w+)?\])(?::(\d{1,5}))?\Z")


class BrokerOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The brokers of one site."""

    bootstrap: Annotated[str, msgspec.Meta(min_length=1)] = "127.0.0.1:9092"
    """`host:port` of one or more brokers, separated by commas."""
    prefix: Prefix = ""
    """Put before every topic and consumer group: several sites may share a cluster."""
    security: SecurityProtocol = "PLAINTEXT"
    ca_file: Path | None = None
    """Certificates that sign the brokers'; None: those of the system."""
    certificate_file: Path | None = None
    """This client's own certificate, where brokers ask for one."""
    key_file: Path | None = None
    sasl_mechanism: SaslMechanism = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = None
    """Filled in from `password_file` or the environment when a service starts; never written into a file."""
    password_file: Path | None = None

    @property
    def topics(self) -> TopicNames:
        """Names of this site's topics."""
        return TopicNames(prefix=self.prefix)

    @property
    def uses_tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.security in ("SSL", "SASL_SSL")

    @property
    def uses_sasl(self) -> bool:
        """Whether brokers ask who connects."""
        return self.security in ("SASL_PLAINTEXT", "SASL_SSL")

    @property
    def servers(self) -> list[str]:
        """`host:port` of each broker."""
        return [server.strip() for server in self.bootstrap.split(",") if server.strip()]

    def check_servers(self) -> None:
        """Complain of addresses that are none.

        Raises:
            UsageError: there is none, or one is not `host:port`.
        """
        wrong = [server for server in self.servers if not _is_server(server)]
        if wrong or not self.servers:
            what = f"{wrong[0]!r} is no address of a broker" if wrong else "there is no address of a broker"
            raise UsageError(f"{what}: write HOST:PORT, several with commas between them.")

    def arguments(self) -> dict[str, Any]:
        """What every client of kafka-python is told; aiokafka's are too, but for the files of TLS.

        Returns:
            Keyword arguments; the password must be filled in.

        Raises:
            UsageError: a file is not there, or brokers ask who connects and the options do not say.
        """
        return {
            "bootstrap_servers": self.servers,
            "security_protocol": self.security,
            **{f"ssl_{name}": path for name, path in self.tls_files().items()},
            **self._who_asks(),
        }

    def tls_files(self) -> dict[str, str]:
        """The files of TLS that are named, as `cafile`, `certfile` and `keyfile`; none without TLS.

        Raises:
            UsageError: one is not there.
        """
        files = {}
        for short, name in (("cafile", "ca_file"), ("certfile", "certificate_file"), ("keyfile", "key_file")):
            path: Path | None = getattr(self, name)
            if path is not None and self.uses_tls:
                if not path.is_file():
                    raise SettingError(
                        f"kafka.{name}", f"there is no file {quoted(path)}: name one that is there."
                    )
                files[short] = str(path)
        return files

    def _who_asks(self) -> dict[str, Any]:
        if not self.uses_sasl:
            return {}
        if self.username is None or self.password is None:
            raise UsageError(
                f"With security {self.security} Kafka asks who connects: set `kafka.username` and "
                "`kafka.password_file`."
            )
        return {
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
        }

    def group(self, service: str) -> str:
        """The consumer group of a service: `onlooker-sink`, or `site.onlooker-sink` with a prefix."""
        return f"{self.prefix}.onlooker-{service}" if self.prefix else f"onlooker-{service}"

    def __repr__(self) -> str:
        return f"BrokerOptions({self.security} {self.bootstrap} prefix={self.prefix!r})"


def _is_server(text: str) -> bool:
    found = _SERVER.match(text)
    return found is not None and (found[1] is None or 0 < int(found[1]) < 1 << 16)
