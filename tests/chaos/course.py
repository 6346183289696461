"""The course of a chaos run: start, feed, strike, wait until all is written, compare."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from tests.chaos.compare import compared, written_rows
from tests.chaos.days import delete_topics, unequal_days
from tests.chaos.expected import write_recorded, write_synthetic
from tests.chaos.feed import Feed
from tests.chaos.options import ChaosOptions
from tests.chaos.plan import Strike, planned
from tests.chaos.progress import ProgressWatch
from tests.chaos.report import Verdict, line_of
from tests.chaos.site import FOUND, PARTITIONS, UNDISTURBED, Site, open_site
from tests.chaos.strikes import Striker
from tests.chaos.tables import IDS, differences
from tests.streams import synthetic
from tests.topics import create_topics

TICK_S = 0.1
TELL_EVERY_S = 5.0
SECOND_DAY_S = 30.0
"""How long the second day is fed."""
NIGHT = "2026-03-02 23:00:00"
"""Between the two days."""
Say = Callable[[str], None]


class Course:
    """One run over an open site.

    Args:
        site: brokers and database run, the services do not yet.
        options: what to feed, how often to strike.
        say: takes a line of progress.
    """

    def __init__(self, site: Site, options: ChaosOptions, say: Say) -> None:
        self._site = site
        self._options = options
        self._say = say
        self._events = list(synthetic(options.stream))
        self._watch = ProgressWatch(site.broker, partitions=PARTITIONS)
        self._feed = Feed(site.broker, self._events, per_s=len(self._events) / options.feed_s)
        self._began_s = time.monotonic()
        self._striker = Striker(site, self._watch, self._plan())
        self._frames = site.broker.topics.name("frames")
        self._told_s = 0.0
        self._problems: list[str] = []

    def _plan(self) -> list[Strike]:
        plan = planned(self._options)
        if self._site.disk.is_there:
            return plan
        self._say("no broker's disk is made full: this process may not mount one")
        return [strike for strike in plan if strike.kind != "disk"]

    def run(self) -> Verdict:
        """Everything, from the first event to the verdict."""
        started_s = time.monotonic()
        self._watch.start()
        for several in self._site.services.values():
            for one in several:
                one.start()
        try:
            self._began_s = time.monotonic()
            self._striker.begin(self._began_s)
            self._feed.start()
            self._while_feeding()
            self._until_drained()
            verdict = self._verdict(started_s)
            return self._after_second_day(verdict) if self._options.second_day else verdict
        finally:
            self._feed.stop()
            self._watch.stop()

    def _while_feeding(self) -> None:
        """Until every event is fed, every recording captured and every strike carried out."""
        while not (self._feed.done and self._captured() and not self._striker.left):
            self._tick("feeding")
            if time.monotonic() > self._ends_s:
                self._problems.append("feeding took too long")
                return
            if self._feed.done and self._captured() and self._observed_all():
                return

    def _until_drained(self) -> None:
        """Upstream first: what a group has committed is in the topics of the next."""
        until = self._ends_s
        for service in ("observe", "measure", "sink"):
            asked_s = time.monotonic()
            while True:
                self._tick(f"draining {service}")
                latest = self._watch.latest
                if latest is not None and latest.at_s > asked_s and latest.lag(service) == 0:
                    break
                if time.monotonic() > until:
                    lag = None if latest is None else latest.lag(service)
                    self._problems.append(f"{service} is not drained: {lag} messages wait")
                    break
        self._settle()

    def _settle(self) -> None:
        """Whoever is away comes back before anything is compared."""
        until = time.monotonic() + 60.0
        while self._striker.mending and time.monotonic() < until:
            self._tick("mending")

    def _tick(self, doing: str) -> None:
        time.sleep(TICK_S)
        self._start_captures()
        self._striker.tick()
        now_s = time.monotonic()
        if now_s - self._told_s >= TELL_EVERY_S:
            self._told_s = now_s
            self._say(self._line(doing, now_s))

    def _line(self, doing: str, now_s: float) -> str:
        latest = self._watch.latest
        lags = "" if latest is None else ", ".join(f"{s} {latest.lag(s)}" for s in latest.committed)
        return (
            f"{now_s - self._began_s:6.0f} s {doing}: fed {self._feed.acknowledged}/{len(self._events)}, "
            f"struck {len(self._striker.blows)}, waiting: {lags}"
        )

    def _start_captures(self) -> None:
        """One round after the other, spread over the feed."""
        share_s = self._options.feed_s / self._options.rounds
        for number, capture in enumerate(self._site.captures):
            is_free = number == 0 or self._site.captures[number - 1].done.is_set()
            if capture.starts == 0 and is_free and time.monotonic() - self._began_s >= number * share_s:
                capture.start()
        twin, last = self._site.twin, self._site.captures[-1]
        if twin.starts == 0 and last.starts and self._has_frames_of(len(self._site.captures) - 1):
            twin.start()

    def _has_frames_of(self, round_: int) -> bool:
        """Whether a round has sent something: a twin that comes now is the second."""
        latest = self._watch.latest
        return latest is not None and latest.total(self._frames) > round_ * self._site.frames

    @property
    def _ends_s(self) -> float:
        """When everything must be written, by the monotonic clock."""
        return self._began_s + self._options.feed_s + self._options.drain_s

    def _captured(self) -> bool:
        return all(capture.done.is_set() for capture in (*self._site.captures, self._site.twin))

    def _observed_all(self) -> bool:
        latest = self._watch.latest
        left = [strike for strike in self._striker.left if strike.at_share is None]
        return latest is not None and latest.lag("observe") == 0 and not left

    def _verdict(self, started_s: float) -> Verdict:
        self._say("computing what an undisturbed run gives")
        found, undisturbed = self._site.store(FOUND), self._site.store(UNDISTURBED)
        write_synthetic(undisturbed, self._events)
        summary = write_recorded(self._site.undisturbed_config)
        differences, dead_letters = compared(found, UNDISTURBED)
        return Verdict(
            seed=self._options.seed,
            folder=str(self._site.folder),
            seconds=time.monotonic() - started_s,
            fed=self._feed.acknowledged,
            frames=summary["frames"]["observed"],
            strikes=[line_of(blow, self._began_s) for blow in self._striker.blows],
            missed=self._striker.give_up(),
            failures=[end for one in self._site.everything for end in one.failures],
            rows=written_rows(found),
            dead_letters=dead_letters,
            problems=self._problems + [blow.trouble for blow in self._striker.blows if blow.trouble],
            differences=differences,
        )

    def _after_second_day(self, verdict: Verdict) -> Verdict:
        """The verdict when all topics have been made anew and the stands have gone on for another day."""
        site, events = self._site, list(synthetic(self._options.second_stream))
        self._say("deleting all topics beneath the services, and making them anew")
        for victim in (site.services["observe"][0], site.services["sink"][0]):
            victim.strike()
        delete_topics(site.cluster, site.broker.topics)
        create_topics(site.config)
        self._feed = Feed(site.broker, events, per_s=len(events) / SECOND_DAY_S)
        self._began_s = time.monotonic()
        self._feed.start()
        site.again.start()
        while not (self._feed.done and site.again.done.is_set()) and time.monotonic() < self._ends_s:
            self._tick("the second day")
        self._until_drained()
        found, undisturbed = site.store(FOUND), site.store(UNDISTURBED)
        write_synthetic(undisturbed, [*self._events, *events])
        unequal = [
            each for table in IDS for each in differences(found, table, UNDISTURBED, stands="synthetic-%")
        ]
        return msgspec.structs.replace(
            verdict,
            fed=verdict.fed + self._feed.acknowledged,
            failures=[end for one in site.everything for end in one.failures],
            rows=written_rows(found),
            problems=self._problems,
            differences=[*verdict.differences, *unequal, *unequal_days(found, "recorded-%-1", NIGHT)],
        )


def run_chaos(options: ChaosOptions, folder: Path, say: Say) -> Verdict:
    """One chaos run; the folder is removed when it has passed.

    Args:
        options: the seed, what to feed, how often to strike.
        folder: for data and logs.
        say: takes a line of progress.

    Returns:
        The verdict.
    """
    say(f"seed {options.seed}; logs in {folder}")
    with open_site(folder, options) as site:
        verdict = Course(site, options, say).run()
    if verdict.passed:
        shutil.rmtree(folder)
    return verdict
