"""One broker that speaks TLS only, asks who connects and lets users do only what they may."""

import secrets
from pathlib import Path
from types import TracebackType
from typing import Self

from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
    UserScramCredentialUpsertion,
)

from schemas.broker import BrokerOptions
from tests.brokers import KafkaCluster
from tests.certificates import Authority

PROPERTIES = """
listener.security.protocol.map=CLIENTS:SASL_SSL,CONTROLLER:PLAINTEXT
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={ca_file}
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=PLAIN
listener.name.clients.plain.sasl.jaas.config={login}.plain.PlainLoginModule required \
username="admin" password="{secret}" user_admin="{secret}";
listener.name.clients.scram-sha-512.sasl.jaas.config={login}.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:ANONYMOUS
"""
"""The controller is spoken to without a name, over loopback only; clients cannot reach what it serves."""


class SecuredBroker:
    """A broker behind TLS and SCRAM-SHA-512 with one user, who owns the topics and groups of one prefix.

    Args:
        folder: for data, logs and certificates.
        prefix: of the topics and groups that the user may make, read and write.
    """

    username = "onlooker"

    def __init__(self, folder: Path, *, prefix: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        authority = Authority(folder)
        self.prefix = prefix
        self.ca_file = authority.ca_file
        self.password = secrets.token_urlsafe(18)
        admin = secrets.token_urlsafe(18)
        client: dict[str, object] = {
            "security_protocol": "SASL_SSL",
            "ssl_cafile": str(self.ca_file),
            "sasl_mechanism": "PLAIN",
            "sasl_plain_username": "admin",
            "sasl_plain_password": admin,
        }
        extra = PROPERTIES.format(
            keystore=authority.server("broker"),
            ca_file=self.ca_file,
            secret=admin,
            login="org.apache.kafka.common.security",
        )
        self.cluster = KafkaCluster(folder, extra=extra, client=client)

    @property
    def options(self) -> BrokerOptions:
        """How the user connects."""
        return BrokerOptions(
            bootstrap=self.cluster.bootstrap,
            prefix=self.prefix,
            security="SASL_SSL",
            ca_file=self.ca_file,
            sasl_mechanism="SCRAM-SHA-512",
            username=self.username,
            password=self.password,
        )

    def __enter__(self) -> Self:
        with_cluster = self.cluster.__enter__()
        try:
            self._make_user(with_cluster)
        except BaseException:
            self.cluster.stop(timeout_s=0)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cluster.stop(timeout_s=0)

    def _make_user(self, cluster: KafkaCluster) -> None:
        admin = cluster.admin()
        admin.alter_user_scram_credentials(
            [UserScramCredentialUpsertion(self.username, "SCRAM-SHA-512", self.password)]
        )
        admin.create_acls([self._may(kind) for kind in (ResourceType.TOPIC, ResourceType.GROUP)])
        admin.close()

    def _may(self, kind: ResourceType) -> ACL:
        pattern = ResourcePattern(kind, self.prefix, ACLResourcePatternType.PREFIXED)
        return ACL(f"User:{self.username}", "*", ACLOperation.ALL, ACLPermissionType.ALLOW, pattern)
