"""The door to Kafka for ownership: a consumer group that reads nothing, joined, kept alive and left."""

import time
from collections.abc import Mapping
from typing import Any

from kafka import KafkaAdminClient
from kafka import errors as kafka_errors
from kafka.errors import KafkaError
from kafka.protocol.consumer import (
    DEFAULT_GENERATION_ID,
    UNKNOWN_MEMBER_ID,
    HeartbeatRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    SyncGroupRequest,
)
from kafka.protocol.metadata import CoordinatorType, FindCoordinatorRequest

from schemas.broker import BrokerOptions
from schemas.errors import OnlookerError, UsageError
from schemas.trouble import in_words, trouble_of

PROTOCOL_TYPE, PROTOCOL = "onlooker-capture", "owners"
_BOOTSTRAP_MS = 3_000
_RECONNECT_MS = 1_000
_LEAVE_S = 2.0
_POLL_S = 0.02
_WORDS = {
    kafka_errors.GroupAuthorizationFailedError: (
        "Kafka at {where} does not let us join the consumer group {group}, in which captures agree on who "
        "owns a stand: give this user the right Read on the group."
    ),
    kafka_errors.FencedInstanceIdError: (
        "Another process has taken our place in the consumer group {group}: two processes capture with one "
        "data directory. Give each its own --data-dir."
    ),
    kafka_errors.InvalidSessionTimeoutError: (
        "Kafka at {where} does not accept `publish.session_timeout_s`: set it between the brokers' "
        "group.min.session.timeout.ms and group.max.session.timeout.ms."
    ),
    kafka_errors.InconsistentGroupProtocolError: (
        "The consumer group {group} at {where} is used by another program: end it, or begin with a new "
        "`kafka.prefix`."
    ),
    kafka_errors.UnsupportedVersionError: (
        "Kafka at {where} is too old for captures to agree on who owns a stand: use 2.4 or later."
    ),
}


class EvictedError(Exception):
    """The group goes on without us: another may own what was ours."""


class RebalancingError(Exception):
    """Somebody has come or gone: everybody joins anew."""


class CaptureGroup:
    """A member of the group, under an instance that outlives its process; used by one thread.

    Args:
        options: how to reach the brokers.
        instance: who we are; no other living process has it.
        session_s: after so long without a sign of life the others go on without us, s.

    Raises:
        DependencyAwayError: the brokers do not answer.
        UsageError: they refuse us.
    """

    def __init__(self, options: BrokerOptions, instance: str, session_s: float) -> None:
        self._options = options
        self._group = options.group("capture")
        self._instance = instance
        self._session_ms = round(1000 * session_s)
        self._node: object | None = None
        self._broker: object | None = None
        self._members: dict[str, str] = {}
        self._member, self._generation = UNKNOWN_MEMBER_ID, DEFAULT_GENERATION_ID
        with in_words(options, KafkaError, OSError):
            self._admin: Any = KafkaAdminClient(
                **options.arguments(),
                client_id="onlooker-capture-owner",
                bootstrap_timeout_ms=_BOOTSTRAP_MS,
                request_timeout_ms=max(1_000, self._session_ms // 3),
                reconnect_backoff_max_ms=_RECONNECT_MS,
            )

    def join(self, claim: bytes) -> dict[str, bytes] | None:
        """Join, or join anew, and wait until everybody has.

        Returns:
            The claims of all by instance, when it is ours to share out; else None.

        Raises:
            EvictedError: we were no member any more; the next call joins as a new one.
            RebalancingError: it begins again.
            DependencyAwayError: the brokers do not answer.
            UsageError: they refuse us.
        """
        protocol = JoinGroupRequest.JoinGroupRequestProtocol(name=PROTOCOL, metadata=claim)
        response = self._ask(
            JoinGroupRequest(
                group_id=self._group,
                session_timeout_ms=self._session_ms,
                rebalance_timeout_ms=self._session_ms,
                member_id=self._member,
                group_instance_id=self._instance,
                protocol_type=PROTOCOL_TYPE,
                protocols=[protocol],
                min_version=5,
                max_version=9,
            ),
            # The brokers answer when all have joined, or those who have not are given up.
            timeout_ms=2 * self._session_ms,
        )
        self._member, self._generation = response.member_id, response.generation_id
        if response.leader != response.member_id or response.skip_assignment:
            self._members = {}
            return None
        self._members = {
            each.group_instance_id or each.member_id: each.member_id for each in response.members
        }
        return {each.group_instance_id or each.member_id: bytes(each.metadata) for each in response.members}

    def sync(self, told: Mapping[str, bytes]) -> bytes:
        """Say what each is told, if it is ours to say, and hear what we are told.

        Raises:
            EvictedError, RebalancingError, DependencyAwayError, UsageError: as `join`.
        """
        kind = SyncGroupRequest.SyncGroupRequestAssignment
        response = self._ask(
            SyncGroupRequest(
                group_id=self._group,
                generation_id=self._generation,
                member_id=self._member,
                group_instance_id=self._instance,
                protocol_type=PROTOCOL_TYPE,
                protocol_name=PROTOCOL,
                assignments=[
                    kind(member_id=self._members[each], assignment=value) for each, value in told.items()
                ],
                min_version=3,
                max_version=5,
            ),
            timeout_ms=2 * self._session_ms,
        )
        return bytes(response.assignment)

    def heartbeat(self) -> None:
        """Say that we live.

        Raises:
            EvictedError, RebalancingError, DependencyAwayError, UsageError: as `join`.
        """
        self._ask(
            HeartbeatRequest(
                group_id=self._group,
                generation_id=self._generation,
                member_id=self._member,
                group_instance_id=self._instance,
                min_version=3,
            )
        )

    def leave(self) -> None:
        """Leave, so that others take over at once; may be called by another thread, also while one joins."""
        if self._broker is None:
            return
        identity = LeaveGroupRequest.MemberIdentity(
            member_id=self._member, group_instance_id=self._instance, reason="the capture ends"
        )
        request = LeaveGroupRequest(group_id=self._group, members=[identity], min_version=3)
        # Over a connection of its own: on the other one the brokers answer nothing while we wait to join.
        _in_time(self._admin._manager.call_soon(self._admin._manager.send, request, self._broker), _LEAVE_S)

    def close(self) -> None:
        """Let the brokers go; whoever waits for an answer hears that they are away."""
        self._admin.close()

    def _ask(self, request: Any, timeout_ms: int | None = None) -> Any:
        """Ask the broker that looks after the group.

        Raises:
            EvictedError, RebalancingError, DependencyAwayError, UsageError: as `join`.
        """
        try:
            if self._node is None:
                self._find()
            response = self._sent(request, self._node, timeout_ms)
            if response.error_code:
                raise kafka_errors.for_code(response.error_code)()
        except kafka_errors.RebalanceInProgressError as error:
            raise RebalancingError from error
        except (kafka_errors.UnknownMemberIdError, kafka_errors.IllegalGenerationError) as error:
            self._member, self._generation = UNKNOWN_MEMBER_ID, DEFAULT_GENERATION_ID
            raise EvictedError from error
        except (KafkaError, OSError) as error:
            self._node = None
            raise self._trouble(error) from error
        return response

    def _find(self) -> None:
        request = FindCoordinatorRequest(key=self._group, key_type=0, max_version=3)
        response = self._sent(request, None, None)
        if response.error_code:
            raise kafka_errors.for_code(response.error_code)()
        cluster = self._admin._manager.cluster
        # The library keeps a connection for such a node that nothing else is sent over.
        self._node = cluster.add_coordinator(response, CoordinatorType.GROUP, self._group)
        self._broker = response.node_id

    def _sent(self, request: Any, node: object, timeout_ms: int | None) -> Any:
        manager = self._admin._manager
        return manager.run(manager.send, request, node, timeout_ms)

    def _trouble(self, error: Exception) -> OnlookerError:
        for kind, words in _WORDS.items():
            if isinstance(error, kind):
                return UsageError(words.format(group=self._group, where=self._options.bootstrap))
        return trouble_of(error, self._options)


def _in_time(future: Any, patience_s: float) -> None:
    until_s = time.monotonic() + patience_s
    while not future.is_done and time.monotonic() < until_s:
        time.sleep(_POLL_S)
