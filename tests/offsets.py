"""How far topics and groups are, asked over one connection to a cluster: a client a question is dear."""

import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, TypeVar

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError

T = TypeVar("T")
PATIENCE_S = 30.0
"""How long a question about a topic may go without an answer: a partition may be between two leaders."""


class Offsets:
    """Asks one cluster, and connects anew after every error.

    Args:
        bootstrap: the brokers, reached in plain.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._admin: Any = None
        self._places: dict[str, list[TopicPartition]] = {}

    def ends(self, names: Iterable[str]) -> dict[TopicPartition, int]:
        """Where each partition of some topics ends; nothing of topics that are not there."""
        wanted, until = list(names), time.monotonic() + PATIENCE_S
        while True:
            try:
                return self._asked(lambda admin: self._ends(admin, wanted))
            except KafkaError:
                self._places.clear()
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def committed(self, group: str) -> dict[TopicPartition, int]:
        """What a group has committed, by partition; a `KafkaError` while it does not exist."""
        found = self._asked(lambda admin: admin.list_group_offsets(group))[group]
        return {place: max(0, each.offset) for place, each in found.items()}

    def lag(self, group: str, names: Iterable[str]) -> int:
        """Messages of some topics that a group has not committed yet."""
        ends = self.ends(names)
        done = self.committed(group)
        return sum(max(0, end - done.get(place, 0)) for place, end in ends.items())

    def _ends(self, admin: Any, names: list[str]) -> dict[TopicPartition, int]:
        self._learn(admin, [name for name in names if name not in self._places])
        places = [place for name in names for place in self._places.get(name, ())]
        found = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST)) if places else {}
        return {place: each.offset for place, each in found.items()}

    def _learn(self, admin: Any, names: list[str]) -> None:
        for topic in admin.describe_topics(names) if names else ():
            if topic["partitions"]:
                name = str(topic["name"])
                self._places[name] = [
                    TopicPartition(name, each["partition_index"]) for each in topic["partitions"]
                ]

    def _asked(self, question: Callable[[Any], T]) -> T:
        if self._admin is None:
            self._admin = KafkaAdminClient(bootstrap_servers=self._bootstrap, reconnect_backoff_max_ms=1000)
        try:
            return question(self._admin)
        except KafkaError:
            self._admin.close()
            self._admin = None
            raise


@cache
def offsets_at(bootstrap: str) -> Offsets:
    """The one of a cluster."""
    return Offsets(bootstrap)
