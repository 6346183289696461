"""One word for a topic in all figures: its kind, not the name with prefix and version that a broker knows."""

from collections.abc import Mapping

from schemas.metrics import CounterName, GaugeName, HistogramName, Meter
from schemas.topics import TopicNames


class KindMeter:
    """Hands figures on with the kind of a topic where its name was given."""

    def __init__(self, meter: Meter, names: TopicNames) -> None:
        self._meter = meter
        self._names = names

    def count(self, name: CounterName, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        self._meter.count(name, amount, **self._kinds(labels))

    def gauge(self, name: GaugeName, value: float, **labels: str) -> None:
        """Say what a thing amounts to now."""
        self._meter.gauge(name, value, **self._kinds(labels))

    def observe(self, name: HistogramName, value: float, **labels: str) -> None:
        """Add one value to a histogram."""
        self._meter.observe(name, value, **self._kinds(labels))

    def _kinds(self, labels: Mapping[str, str]) -> dict[str, str]:
        topic = labels.get("topic")
        return {**labels, "topic": self._names.topic(topic) or topic} if topic else {**labels}
