"""What every consumer of the sinks is told: whom to ask, how patiently, how much at once."""

from typing import Any

from schemas.broker import BrokerOptions

ANSWER_MS = 5_000
"""How long the brokers may take for one answer, ms."""
FETCH_BYTES = 8 * 1024 * 1024
"""Of one partition in one answer: more than the largest message."""


def consumer_arguments(options: BrokerOptions, client: str) -> dict[str, Any]:
    """Arguments of kafka-python's consumer, which makes no topic and commits nothing by itself.

    Args:
        options: addresses, encryption and who asks; the password is filled in.
        client: the name that the brokers' logs know it by.

    Raises:
        UsageError: as `BrokerOptions.arguments`.
    """
    return {
        **options.arguments(),
        "client_id": client,
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "allow_auto_create_topics": False,
        "max_partition_fetch_bytes": FETCH_BYTES,
        "bootstrap_timeout_ms": ANSWER_MS,
        "request_timeout_ms": 2 * ANSWER_MS,
        "reconnect_backoff_max_ms": 2_000,
        "metrics_enabled": False,
    }
