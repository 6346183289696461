"""A client that does not find into its group is given up for another."""

from typing import Any

import pytest
from kafka.structs import MemberState

from schemas.broker import BrokerOptions
from sinks.service.consumer import PATIENCE_S, GroupConsumer
from sinks.service.options import SinkOptions


class Client:
    """Stands in for kafka-python's consumer: never or at once in its group."""

    def __init__(self, state: MemberState) -> None:
        self.state = state
        self.member_id, self.generation_id = "m", 1
        self.closed = False

    def group_metadata(self) -> Any:
        return self

    def assignment(self) -> set[Any]:
        return set()

    def close(self, **_: Any) -> None:
        self.closed = True


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> tuple[GroupConsumer, list[Client], list[float]]:
    clock: list[float] = [0.0]
    made: list[Client] = []
    group = GroupConsumer(BrokerOptions(), ["visits"], SinkOptions(), clock_s=lambda: clock[0])

    def connect() -> Client:
        made.append(Client(MemberState.STABLE if made else MemberState.UNJOINED))
        return made[-1]

    monkeypatch.setattr(group, "_connect", connect)
    return group, made, clock


def test_after_a_while_another_client_joins(
    consumer: tuple[GroupConsumer, list[Client], list[float]],
) -> None:
    group, made, clock = consumer
    assert group.membership() is None
    clock[0] = PATIENCE_S
    assert group.membership() is None
    assert not made[0].closed, "groups take their time"
    clock[0] = PATIENCE_S + 1
    assert group.membership() is None
    assert made[0].closed
    found = group.membership()
    assert found is not None
    assert len(made) == 2


def test_a_member_keeps_its_client(consumer: tuple[GroupConsumer, list[Client], list[float]]) -> None:
    group, made, clock = consumer
    group.membership()
    made[0].state = MemberState.STABLE
    for clock[0] in (10.0, 100.0, 1000.0):
        assert group.membership() is not None
    assert len(made) == 1
