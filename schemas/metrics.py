"""Names, labels and meanings of all metrics, and the ports that take figures and heartbeats."""

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

CounterName = Literal[
    "frames_captured",
    "frames_dropped",
    "clock_jumps",
    "messages_published",
    "bytes_published",
    "messages_handled",
    "dead_letters",
    "messages_ignored",
    "retries",
    "rows_written",
    "batches_written",
    "batches_healed",
    "facts_repeated",
    "checkpoints_written",
    "partitions_changed",
    "positions_void",
]
GaugeName = Literal[
    "bytes_in_flight",
    "consumer_lag",
    "dependency_away",
    "in_vain",
    "stands",
    "camera_streaming",
    "owned",
    "stands_set_aside",
]
HistogramName = Literal[
    "latency_seconds",
    "batch_seconds",
    "insert_seconds",
    "row_latency_seconds",
]


class Metric(msgspec.Struct, frozen=True):
    """What a metric says and by what it is told apart."""

    meaning: str
    labels: tuple[str, ...] = ()


COUNTERS: Mapping[CounterName, Metric] = {
    "frames_captured": Metric("frames taken from cameras", ("stand_id", "camera_id")),
    "frames_dropped": Metric("frames that did not reach the broker", ("stand_id", "camera_id", "cause")),
    "clock_jumps": Metric(
        "jumps of the wall clock in a camera's time", ("stand_id", "camera_id", "direction")
    ),
    "messages_published": Metric("messages written to a topic and acknowledged", ("topic",)),
    "bytes_published": Metric("bytes of the messages written and acknowledged", ("topic",)),
    "messages_handled": Metric("messages taken from a topic and done with", ("topic",)),
    "dead_letters": Metric("messages set aside as dead letters", ("topic", "cause")),
    "messages_ignored": Metric("messages or events that changed nothing", ("topic", "cause")),
    "retries": Metric("attempts made again because a broker or database was away", ("dependency",)),
    "rows_written": Metric("rows written", ("table",)),
    "batches_written": Metric("batches written"),
    "batches_healed": Metric("batches that another process had begun and this one ended"),
    "facts_repeated": Metric("facts not written because they were there already", ("topic",)),
    "checkpoints_written": Metric("checkpoints of stands written", ("stage",)),
    "partitions_changed": Metric("partitions given to or taken from this process", ("topic", "change")),
    "positions_void": Metric(
        "offsets that were kept and say nothing any more: their topic was made anew or cut short",
        ("topic", "cause"),
    ),
}
GAUGES: Mapping[GaugeName, Metric] = {
    "bytes_in_flight": Metric("bytes handed to the producer and not yet acknowledged"),
    "consumer_lag": Metric("messages that wait in a topic for this process", ("topic", "partition")),
    "dependency_away": Metric("1 while a dependency is away", ("dependency",)),
    "in_vain": Metric(
        "1 while all that has come by a topic for more than a minute changed nothing", ("topic",)
    ),
    "stands": Metric("stands with state in this process", ("stage",)),
    "camera_streaming": Metric("1 while a camera gives pictures", ("stand_id", "camera_id")),
    "owned": Metric(
        "1 while this capture sends a camera, 0 while another does and this one stands by; "
        "without a camera: the stand's plays and its end",
        ("stand_id", "camera_id"),
    ),
    "stands_set_aside": Metric("stands whose messages are set aside while others are handled"),
}
HISTOGRAMS: Mapping[HistogramName, Metric] = {
    "latency_seconds": Metric("from capture to the event of a stage, s", ("topic",)),
    "batch_seconds": Metric("time of one batch in a stage, s", ("stage",)),
    "insert_seconds": Metric("time of one insert, s", ("table",)),
    "row_latency_seconds": Metric("from capture to the row in the database, s", ("table",)),
}


class Meter(Protocol):
    """Takes figures about a running service; the labels of a metric are exactly those of its table here."""

    def count(self, name: CounterName, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        ...

    def gauge(self, name: GaugeName, value: float, **labels: str) -> None:
        """Say what a thing amounts to now; nan: it is no longer this process's and is shown no more."""
        ...

    def observe(self, name: HistogramName, value: float, **labels: str) -> None:
        """Add one value to a histogram."""
        ...


class Pulse(Protocol):
    """Hears whether a service makes progress: health is progress, not a process that exists."""

    def beat(self, loop: str) -> None:
        """A loop of the service has gone round once more, be it with nothing to do."""
        ...

    def away(self, dependency: str, words: str | None) -> None:
        """A dependency is away, said in a sentence; None: it is back.

        Said again it changes nothing; a change is logged and shown as the gauge `dependency_away`.
        """
        ...

    def about(self, what: str, words: str) -> None:
        """What the service works on, in words for its pages; said again it replaces what was said."""
        ...

    def stands_by(self, part: str, words: str | None) -> None:
        """Another process does a part of what this one would do, said in a sentence; None: this one does it.

        That is no trouble; a change is logged.
        """
        ...

    def changed(self, topic: str) -> None:
        """A message of a topic changed something."""
        ...

    def ignored(self, topic: str, cause: str, count: int = 1) -> None:
        """Messages of a topic changed nothing; a service that does only that for a minute is not healthy."""
        ...

    def set_aside(self, stand: str, words: str | None) -> None:
        """A stand's messages are set aside while others are handled, said in a sentence; None: no longer.

        A change is logged and shown as the gauge `stands_set_aside`.
        """
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

    def about(self, what: str, words: str) -> None:
        """Forget it."""

    def stands_by(self, part: str, words: str | None) -> None:
        """Forget it."""

    def changed(self, topic: str) -> None:
        """Forget it."""

    def ignored(self, topic: str, cause: str, count: int = 1) -> None:
        """Forget it."""

    def set_aside(self, stand: str, words: str | None) -> None:
        """Forget it."""
