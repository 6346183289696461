"""A service that takes everything and does nothing: told from one that reads a little again after a crash."""

import threading
from collections import Counter
from collections.abc import Callable

VAIN_S = 60.0
"""Messages may change nothing for so long: who reads again what it had done before a crash is done sooner."""
_BECAUSE = {
    "checkpointed": "the checkpoints say that they were handled before",
    "resent": "their pictures were observed before: they were sent twice, or a clock went back",
    "late": "what is as old is settled: they came too late, or a clock went back",
    "ahead": "those that followed contradict their time: a clock is wrong",
    "repeated": "they are known: they were sent twice",
    "known": "nothing in them is newer than what is known: they were sent twice, or a clock went back",
}


class InVain:
    """Hears of every message whether it changed something, from any thread.

    Args:
        clock_s: seconds that only grow.
    """

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._spells: dict[str, _Spell] = {}

    def ignored(self, topic: str, cause: str, count: int) -> None:
        """Messages of a topic changed nothing."""
        now_s = self._clock_s()
        with self._lock:
            spell = self._spells.get(topic)
            if spell is None or now_s - spell.last_s > VAIN_S:
                spell = self._spells[topic] = _Spell(now_s)
            spell.last_s = now_s
            spell.causes[cause] += count

    def changed(self, topic: str) -> None:
        """A message of a topic changed something."""
        if topic in self._spells:
            with self._lock:
                self._spells.pop(topic, None)

    def complaints(self) -> dict[str, str]:
        """Topics by which for a minute nothing came that changed anything, each with a sentence."""
        now_s = self._clock_s()
        with self._lock:
            words = {topic: spell.words(topic, now_s) for topic, spell in self._spells.items()}
        return {topic: said for topic, said in words.items() if said is not None}


class _Spell:
    """Messages of one topic that changed nothing, one after another."""

    def __init__(self, since_s: float) -> None:
        self.since_s = self.last_s = since_s
        self.causes: Counter[str] = Counter()

    def words(self, topic: str, now_s: float) -> str | None:
        """What is wrong; None: it has not lasted long, or nothing comes any more."""
        if self.last_s - self.since_s <= VAIN_S or now_s - self.last_s > VAIN_S:
            return None
        causes = "; ".join(
            f"{count} as {cause}" + (f", because {_BECAUSE[cause]}" if cause in _BECAUSE else "")
            for cause, count in self.causes.most_common()
        )
        return f"For {now_s - self.since_s:.0f} s all that came by {topic} has changed nothing: {causes}."
