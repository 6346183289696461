"""Agreement: a worker begins only beside workers whose events mean the same as its own."""

import logging
from collections.abc import Sequence
from typing import Any

import msgspec
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code

from processors.runtime.agents.connection import client_settings
from processors.topology import StageName
from schemas.broker import BrokerOptions
from schemas.errors import UsageError

log = logging.getLogger(__name__)
ASK_MS = 10_000


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as the brokers show it to the others of its group."""

    client: str
    """What it calls itself: see `client_of`."""
    host: str


def client_of(stage: StageName, meaning: str) -> str:
    """What a worker calls itself: whoever looks at the group sees what its events mean.

    Args:
        stage: what it does.
        meaning: digest of all that the meaning of its events depends on; empty when it depends on nothing.
    """
    return f"onlooker-{stage}-{meaning}"


async def members_of(broker: BrokerOptions, group: str) -> list[Member]:
    """The workers that the brokers count to a group now; one that died is among them for its session.

    Raises:
        KafkaError: no broker answers, or they refuse us.
        OSError: the same.
    """
    admin = AIOKafkaAdminClient(**client_settings(broker), request_timeout_ms=ASK_MS)
    try:
        await admin.start()
        (answer,) = await admin.describe_consumer_groups([group])
    finally:
        await admin.close()
    (found,) = answer.groups
    code, members = found[0], found[5]
    if code:
        raise for_code(code)(f"the group {group} cannot be described")
    return [_member(each) for each in members]


def _member(described: Sequence[Any]) -> Member:
    _, client, host, *_ = described
    return Member(client=client, host=str(host).removeprefix("/"))


def disagreement(stage: StageName, group: str, meaning: str, members: Sequence[Member]) -> UsageError | None:
    """Why a worker may not begin beside others, None when it may.

    Members that show nothing, from earlier releases, are let pass: one after the other can be upgraded.
    """
    shown = client_of(stage, "")
    silent = [member for member in members if not member.client.startswith(shown)]
    if silent:
        log.warning("A worker at %s does not show its options: it is of an earlier release.", silent[0].host)
    others = [each for each in members if each not in silent and each.client != client_of(stage, meaning)]
    if not others:
        return None
    theirs = others[0].client.removeprefix(shown)
    return UsageError(
        f"This worker has other options for {stage} ({meaning}) than one that works in the group {group} "
        f"({theirs}, at {others[0].host}): what a figure means would change with every handover. Stop all "
        f"workers of {stage}, then start all of them with the same configuration and the same release; "
        "`onlooker config show` on both machines shows what differs."
    )
