"""The door to Kafka for its topics: asks what they are, makes and alters them."""

from contextlib import AbstractContextManager
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import InvalidReplicationFactorError, KafkaError, TopicAlreadyExistsError

from producers.brokers.plan import TopicPlan, TopicState
from schemas.broker import BrokerOptions
from schemas.errors import UsageError
from schemas.trouble import in_words

_REQUEST_MS = 10_000
_READY_MS = 30_000


class Topics:
    """The topics of a cluster; the caller closes it.

    Args:
        options: how to reach the brokers.
        patience_s: how long to wait for the first answer, s.

    Raises:
        DependencyAwayError: they do not answer.
        UsageError: they refuse us.
    """

    def __init__(self, options: BrokerOptions, *, patience_s: float = 5.0) -> None:
        self._options = options
        with self._in_words():
            self._admin: Any = KafkaAdminClient(
                **options.arguments(),
                client_id="onlooker-topics",
                bootstrap_timeout_ms=round(1000 * patience_s),
                request_timeout_ms=_REQUEST_MS,
            )

    def close(self) -> None:
        """Let the brokers go."""
        self._admin.close()

    def brokers(self) -> int:
        """How many brokers are alive."""
        with self._in_words():
            return len(self._admin.describe_cluster()["brokers"])

    def names(self) -> list[str]:
        """Names of all topics that we may see."""
        with self._in_words():
            return list(self._admin.list_topics())

    def ids(self, names: list[str]) -> dict[str, str]:
        """What the brokers call each of some topics for as long as it lives, by name; of those that exist."""
        with self._in_words():
            there = sorted(set(names) & set(self._admin.list_topics()))
            described = self._admin.describe_topics(there) if there else []
            return {each["name"]: str(each["topic_id"]) for each in described}

    def found(self, names: list[str]) -> dict[str, TopicState]:
        """Those of some topics that exist, by name as the brokers know it."""
        with self._in_words():
            there = sorted(set(names) & set(self._admin.list_topics()))
            if not there:
                return {}
            asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in there]
            configs = self._admin.describe_configs(asked, config_filter="all")["topic"]
            return {each["name"]: _state(each, configs) for each in self._admin.describe_topics(there)}

    def create(self, plan: TopicPlan) -> None:
        """Make the topics that are missing; returns when each has a leader.

        Raises:
            UsageError: there are too few brokers for the replication.
        """
        wanted = {
            topic.name: {
                "num_partitions": topic.partitions,
                "replication_factor": topic.replication,
                "configs": dict(topic.configs),
            }
            for topic in plan.create
        }
        if not wanted:
            return
        with self._in_words():
            try:
                self._admin.create_topics(wanted, timeout_ms=_READY_MS)
            except TopicAlreadyExistsError:
                pass  # somebody else made it at the same moment: it is looked at again below
            except InvalidReplicationFactorError as error:
                raise UsageError(
                    f"There are too few brokers for {plan.create[0].replication} copies: start more, or set "
                    "`topics.replication`."
                ) from error
            self._admin.wait_for_topics(list(wanted), timeout_ms=_READY_MS)

    def alter(self, plan: TopicPlan) -> None:
        """Set the configurations that differ.

        Raises:
            UsageError: the brokers do not accept one.
        """
        if not plan.alter:
            return
        resources = [
            ConfigResource(ConfigResourceType.TOPIC, name, dict(configs))
            for name, configs in plan.alter.items()
        ]
        with self._in_words():
            done = self._admin.alter_configs(resources)["topic"]
        refused = [f"{name}: {words}" for name, words in done.items() if words != "OK"]
        if refused:
            raise UsageError(f"Kafka does not accept it: {'; '.join(refused)}")

    def _in_words(self) -> AbstractContextManager[None]:
        return in_words(self._options, KafkaError, OSError)


def _state(described: dict[str, Any], configs: dict[str, Any]) -> TopicState:
    partitions = described["partitions"]
    return TopicState(
        name=described["name"],
        partitions=len(partitions),
        replication=min((len(each["replica_nodes"]) for each in partitions), default=0),
        configs={name: str(config["value"]) for name, config in configs[described["name"]].items()},
    )
