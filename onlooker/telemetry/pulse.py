"""Health by progress: which loops have gone round lately, and which dependency is away."""

import logging
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from onlooker.telemetry.vain import InVain
from schemas.metrics import Meter

log = logging.getLogger(__name__)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How long a service may be silent."""

    silent_after_s: float = 30.0
    """A loop that has not gone round for longer than this does not move, s."""
    start_within_s: float = 120.0
    """The first loop has begun by then: networks are loaded, the group is joined, s."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a service at one moment; the JSON of `/healthz` and `/readyz`."""

    healthy: bool
    """False: nothing moves though nothing is away, or all that comes changes nothing: a person must look."""
    ready: bool
    """True: all loops go round, every dependency is there, and what comes changes something."""
    silent_s: dict[str, float]
    """Loops that do not move, and since when, s; `start` when none has ever begun."""
    away: dict[str, str]
    """Dependencies that are away, each with a sentence."""
    about: dict[str, str] = {}
    """What the service works on, such as the database that a sink's group is bound to."""
    in_vain: dict[str, str] = {}
    """Topics by which for more than a minute nothing came that changed anything, each with a sentence."""
    stands_by: dict[str, str] = {}
    """What another process does, each with a sentence: this one is there to take over."""
    set_aside: dict[str, str] = {}
    """Stands whose messages are set aside while others are handled, each with a sentence."""


def judge(
    ages_s: dict[str, float],
    away: dict[str, str],
    *,
    up_s: float,
    limits: Limits,
    in_vain: Mapping[str, str] = MappingProxyType({}),
    set_aside: Mapping[str, str] = MappingProxyType({}),
) -> Health:
    """Judge a service.

    Args:
        ages_s: time since each loop's last round, s.
        away: dependencies that are away, each with a sentence.
        up_s: time since the service was started, s.
        limits: of silence.
        in_vain: topics by which nothing comes that changes anything, each with a sentence.
        set_aside: stands whose messages are set aside, each with a sentence.

    Returns:
        Its health. Who waits for a dependency is healthy and not ready; who stands by is ready; a stand set
        aside excuses nothing.
    """
    silent = {loop: round(age, 1) for loop, age in ages_s.items() if age > limits.silent_after_s}
    if not ages_s and up_s > limits.start_within_s:
        silent["start"] = round(up_s, 1)
    return Health(
        healthy=(not silent or bool(away)) and not in_vain,
        ready=bool(ages_s) and not (silent or away or in_vain or set_aside),
        silent_s=silent,
        away=away,
        in_vain=dict(in_vain),
        set_aside=dict(set_aside),
    )


class ProgressPulse:
    """Hears the loops of one service, from any thread.

    Args:
        meter: is told which dependency is away.
        clock: seconds that only grow.
        limits: of silence.
    """

    def __init__(self, meter: Meter, *, clock: Callable[[], float], limits: Limits) -> None:
        self._meter = meter
        self._clock = clock
        self._limits = limits
        self._started_s = clock()
        self._beats_s: dict[str, float] = {}
        self._away: dict[str, tuple[str, float]] = {}
        self._about: dict[str, str] = {}
        self._stands_by: dict[str, str] = {}
        self._in_vain: dict[str, str] = {}
        self._vain = InVain(clock)
        self._aside: dict[str, str] = {}
        self._lock = threading.Lock()

    def beat(self, loop: str) -> None:
        """A loop of the service has gone round once more, be it with nothing to do."""
        self._beats_s[loop] = self._clock()
        self._tell_vain()

    def away(self, dependency: str, words: str | None) -> None:
        """A dependency is away, said in a sentence; None: it is back. Only a change is logged."""
        with self._lock:
            before = self._away.pop(dependency, None)
            since_s = self._clock() if before is None else before[1]
            if words is not None:
                self._away[dependency] = (words, since_s)
        self._meter.gauge("dependency_away", 0 if words is None else 1, dependency=dependency)
        if words is not None and before is None:
            log.warning("%s is away: %s", dependency, words, extra={"dependency": dependency})
        elif words is None and before is not None:
            waited_s = round(self._clock() - since_s, 1)
            log.info("%s is back", dependency, extra={"dependency": dependency, "away_s": waited_s})

    def about(self, what: str, words: str) -> None:
        """What the service works on, in words for its pages."""
        with self._lock:
            self._about[what] = words

    def changed(self, topic: str) -> None:
        """A message of a topic changed something."""
        self._vain.changed(topic)

    def ignored(self, topic: str, cause: str, count: int = 1) -> None:
        """Messages of a topic changed nothing."""
        self._vain.ignored(topic, cause, count)

    def _tell_vain(self) -> None:
        """Log and show by which topics all has been in vain for too long, when that changes."""
        found = self._vain.complaints()
        with self._lock:
            before, self._in_vain = self._in_vain, found
        for topic in found.keys() - before.keys():
            self._meter.gauge("in_vain", 1, topic=topic)
            log.error("%s", found[topic], extra={"topic": topic})
        for topic in before.keys() - found.keys():
            self._meter.gauge("in_vain", 0, topic=topic)
            log.info("what comes by %s changes something again, or no more comes", topic)

    def stands_by(self, part: str, words: str | None) -> None:
        """Another process does a part of what this one would, or no longer does. Only a change is logged."""
        with self._lock:
            before = self._stands_by.pop(part, None)
            if words is not None:
                self._stands_by[part] = words
        if words is not None and words != before:
            log.warning("%s: %s", part, words, extra={"part": part})
        elif words is None and before is not None:
            log.info("%s is ours now", part, extra={"part": part})

    def set_aside(self, stand: str, words: str | None) -> None:
        """A stand's messages are set aside, others are handled; None: no longer. A change is logged."""
        with self._lock:
            before = self._aside.pop(stand, None)
            if words is not None:
                self._aside[stand] = words
            count = len(self._aside)
        self._meter.gauge("stands_set_aside", count)
        if words is not None and before is None:
            log.warning("the stand %s is set aside: %s", stand, words)
        elif words is None and before is not None:
            log.info("the stand %s is no longer set aside", stand)

    def health(self) -> Health:
        """What is known now."""
        now_s = self._clock()
        self._tell_vain()
        with self._lock:
            away = {name: words for name, (words, _) in self._away.items()}
            about, in_vain, stands_by = self._about.copy(), self._in_vain, self._stands_by.copy()
            aside = self._aside.copy()
        ages_s = {loop: now_s - beat_s for loop, beat_s in self._beats_s.copy().items()}
        up_s = now_s - self._started_s
        health = judge(ages_s, away, up_s=up_s, limits=self._limits, in_vain=in_vain, set_aside=aside)
        return msgspec.structs.replace(health, about=about, stands_by=stands_by)
