"""The digest of an output stream: equal for equal facts, whichever runtime made them."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import msgspec

from schemas.kinds import kinds
from schemas.reading import stand_of
from schemas.topics import Topic

MOST_REMEMBERED = 100_000
"""Facts; one that comes again after so many others counts as another one."""
_ENCODER = msgspec.json.Encoder(order="sorted")
_SHORT_BYTES = 16


def canonical(event: Any) -> bytes:
    """An event as bytes that depend on nothing but its content.

    Returns:
        JSON with sorted names and no spaces; numbers in their shortest form.
    """
    return _ENCODER.encode(event)


class StreamDigest:
    """SHA-256 of what a topic carries: the facts of each stand in their order, the stands in theirs.

    What has no order of its own plays no part: partitions, offsets, the turn in which stands come, and facts
    that a worker sent again after a restart.
    """

    def __init__(self) -> None:
        self._chains: dict[tuple[Topic, str], Any] = {}
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self.counts: dict[Topic, int] = {}

    def take(self, topic: Topic, event: Any) -> bool:
        """The next event of a topic, in the order of its stand; False when it was taken before."""
        line = canonical(event)
        short = hashlib.sha256(f"{topic}\0".encode() + line).digest()[:_SHORT_BYTES]
        if short in self._known:
            return False
        self._known[short] = None
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)
        chain = self._chains.setdefault((topic, stand_of(event) or ""), hashlib.sha256())
        chain.update(line + b"\n")
        self.counts[topic] = self.counts.get(topic, 0) + 1
        return True

    def by_topic(self) -> Mapping[Topic, str]:
        """Hex digest of each topic that carried something."""
        topics = sorted({topic for topic, _ in self._chains})
        return {topic: self._of(topic) for topic in topics}

    def facts(self) -> str:
        """One hex digest of all that MEASURE writes."""
        lines = "".join(f"{topic} {self._of(topic)}\n" for topic in kinds().measured)
        return hashlib.sha256(lines.encode()).hexdigest()

    def _of(self, topic: Topic) -> str:
        stands = sorted(stand for name, stand in self._chains if name == topic)
        lines = "".join(f"{stand} {self._chains[topic, stand].hexdigest()}\n" for stand in stands)
        return hashlib.sha256(lines.encode()).hexdigest()
