"""How to reach Kafka: addresses, encryption and who asks. A password is never shown."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from schemas.topics import Prefix, TopicNames

SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]


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

    def group(self, service: str) -> str:
        """The consumer group of a service.

        Args:
            service: for example `sink`.

        Returns:
            `onlooker-sink`, or `site.onlooker-sink` with a prefix.
        """
        return f"{self.prefix}.onlooker-{service}" if self.prefix else f"onlooker-{service}"

    def __repr__(self) -> str:
        return f"BrokerOptions({self.security} {self.bootstrap} prefix={self.prefix!r})"
