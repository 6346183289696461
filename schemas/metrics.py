"""Names of all metrics, each with its comment, and the port that takes the figures."""

from typing import Literal, Protocol

CounterName = Literal[
    # frames taken from cameras; labels: stand_id, camera_id
    "frames_captured",
    # frames that did not reach the broker; labels: stand_id, camera_id, cause
    "frames_dropped",
    # messages written to a topic and acknowledged; labels: topic
    "messages_published",
    # bytes of those messages; labels: topic
    "bytes_published",
    # messages taken from a topic and done with; labels: topic
    "messages_handled",
    # messages set aside as dead letters; labels: topic, cause
    "dead_letters",
    # messages or events that changed nothing; labels: topic, cause
    "messages_ignored",
    # attempts made again because a broker or database was away; labels: dependency
    "retries",
    # rows written; labels: table
    "rows_written",
    # batches written; no labels
    "batches_written",
    # batches that another process had begun and this one ended; no labels
    "batches_healed",
    # facts not written because they were there already; labels: topic
    "facts_repeated",
    # checkpoints of stands written; labels: stage
    "checkpoints_written",
    # partitions given to or taken from this process; labels: topic, change
    "partitions_changed",
]
GaugeName = Literal[
    # bytes handed to the producer and not yet acknowledged; no labels
    "bytes_in_flight",
    # messages that wait in a topic for this process; labels: topic, partition
    "consumer_lag",
    # 1 while a dependency is away; labels: dependency
    "dependency_away",
    # stands with state in this process; labels: stage
    "stands",
    # 1 while a camera gives pictures; labels: stand_id, camera_id
    "camera_streaming",
]
HistogramName = Literal[
    # from capture to the event of a stage, s; labels: topic
    "latency_seconds",
    # time of one batch in a stage, s; labels: stage
    "batch_seconds",
    # time of one insert, s; labels: table
    "insert_seconds",
    # from capture to the row in the database, s; labels: table
    "row_latency_seconds",
]


class Meter(Protocol):
    """Takes figures about a running service."""

    def count(self, name: CounterName, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        ...

    def gauge(self, name: GaugeName, value: float, **labels: str) -> None:
        """Say what a thing amounts to now."""
        ...

    def observe(self, name: HistogramName, value: float, **labels: str) -> None:
        """Add one value to a histogram."""
        ...


class Pulse(Protocol):
    """Hears whether a service makes progress: health is progress, not a process that exists."""

    def beat(self, loop: str) -> None:
        """A loop of the service has gone round once more."""
        ...

    def away(self, dependency: str, words: str | None) -> None:
        """A dependency is away, said in a sentence; None: it is back."""
        ...


class NoMeter:
    """Takes figures and forgets them."""

    def count(self, name: CounterName, amount: float = 1, **labels: str) -> None:
        """Forget it."""

    def gauge(self, name: GaugeName, value: float, **labels: str) -> None:
        """Forget it."""

    def observe(self, name: HistogramName, value: float, **labels: str) -> None:
        """Forget it."""


class NoPulse:
    """Hears and forgets."""

    def beat(self, loop: str) -> None:
        """Forget it."""

    def away(self, dependency: str, words: str | None) -> None:
        """Forget it."""
