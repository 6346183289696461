"""Options of sinks: batches, patience, memory."""

from typing import Annotated

import msgspec

from schemas.dead_letters import DeadLetterOptions
from schemas.ranges import Answer, Count, Positive


class BatchOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a batch is written, and how long to wait for a server that is away."""

    max_rows: Count = 50_000
    """Rows of all tables together that make a batch full."""
    max_bytes: Count = 32 * 1024 * 1024
    """Bytes of messages that make a batch full."""
    max_age_s: Positive = 1.0
    """Age of its first message that makes a batch due, s."""
    first_wait_s: Positive = 0.2
    """Wait before the second attempt when a server is away, s; doubled after every further one."""
    longest_wait_s: Positive = 10.0
    """The wait between two attempts grows no longer than this, s."""


class SinkOptions(BatchOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Batches and patience of the sink service."""

    insert_timeout_s: Answer = 30.0
    """How long one answer of ClickHouse may take, s."""
    session_timeout_s: Annotated[float, msgspec.Meta(ge=1, le=300)] = 10.0
    """A sink that is silent so long loses its partitions to the others of its group, s."""
    remembered_facts: Count = 100_000
    """How many of the facts written last are remembered, to leave out those that come again."""
    dead_letters: DeadLetterOptions = DeadLetterOptions()
    """How many messages of a topic may be set aside before the sink stops."""
    epoch: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 0
    """Raise it by one after the brokers have lost messages of a topic: its offsets then count anew."""
