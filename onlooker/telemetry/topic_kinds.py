"""One word for a topic in all figures: its kind, not the name with prefix and version that a broker knows."""

from collections.abc import Mapping

from schemas.metrics import CounterName, GaugeName, HistogramName, Meter, Pulse
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


class KindPulse:
    """Tells a pulse of topics by their kind where their name was given."""

    def __init__(self, pulse: Pulse, names: TopicNames) -> None:
        self._names = names
        self.beat, self.away = pulse.beat, pulse.away
        self.about, self.stands_by, self.set_aside = pulse.about, pulse.stands_by, pulse.set_aside
        self._pulse = pulse

    def changed(self, topic: str) -> None:
        """A message of a topic changed something."""
        self._pulse.changed(self._names.topic(topic) or topic)

    def ignored(self, topic: str, cause: str, count: int = 1) -> None:
        """Messages of a topic changed nothing."""
        self._pulse.ignored(self._names.topic(topic) or topic, cause, count)
