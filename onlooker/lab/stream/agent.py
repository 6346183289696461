"""The MEASURE agent over a prefilled topic, next to a Faust agent that does nothing with the same events."""

from collections.abc import Callable, Sequence

import msgspec

from onlooker.lab.stream.figures import Asked, Comparison, Names, Run, compare
from onlooker.lab.stream.handled import Line, Lines
from onlooker.lab.stream.services import Services, services, wait_until, written
from onlooker.lab.stream.site import Site, Work
from onlooker.lab.stream.topics import making_topics, prefill

AIM = Asked(words=">= 0.80 of the floor", share=1 / 1.25)
PARTITIONS = 4
PATIENCE_S = 120.0


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """One pass over the topic, from the first events handled to the last."""

    count: int
    seconds: float
    cpu_seconds: float

    @property
    def by_clock(self) -> Run:
        """Speed by the clock on the wall."""
        return Run(count=self.count, seconds=self.seconds)

    @property
    def by_cpu(self) -> Run:
        """Speed if the process had a core to itself."""
        return Run(count=self.count, seconds=self.cpu_seconds)


def bench_faust(work: Work) -> list[Comparison]:
    """Events a second of both agents, each a process of its own, turn by turn over the same messages.

    Args:
        work: the site and how many events.

    Returns:
        By the clock, and by CPU time, which other work on the machine disturbs less.
    """
    turns = [_turn(work) for _ in range(work.repeat)]
    floor, ours = zip(*turns, strict=True)
    return [
        compare(
            Names(ours=f"MEASURE agent, {how}", floor=f"idle agent, {how}", unit="events"),
            ours=[getattr(each, kind) for each in ours],
            floor=[getattr(each, kind) for each in floor],
            asked=AIM,
        )
        for how, kind in (("clock", "by_clock"), ("CPU time", "by_cpu"))
    ]


def _turn(work: Work) -> tuple[Passed, Passed]:
    """Both agents over the same messages, under a prefix of this turn: groups begin at the first event."""
    site = work.site.apart()
    with making_topics(site.kafka, partitions=PARTITIONS):
        expected = prefill(site.kafka, work.amounts.faust_crowd)
        return _trivial(site, expected), _measure(site, expected)


def _trivial(site: Site, expected: int) -> Passed:
    found = site.folder / "trivial.json"
    with services(site) as running:
        topic = site.kafka.topics.name("observations")
        config = written(site, "trivial")
        running.start("trivial", "onlooker.lab.stream.trivial", config, topic, str(expected), found)
        _wait(running, lambda: not running.running("trivial"))
    return msgspec.json.decode(found.read_bytes(), type=Passed)


def _measure(site: Site, expected: int) -> Passed:
    found = site.folder / "measure.jsonl"
    lines = Lines(found)
    noted: list[Line] = []

    def all_handled() -> bool:
        noted.extend(lines.new())
        return sum(len(captured) for _, _, captured in noted) >= expected

    with services(site) as running:
        running.start("measure", "onlooker.lab.stream.worker", written(site, "measure"), found)
        _wait(running, all_handled)
    return passed(noted)


def passed(noted: Sequence[Line]) -> Passed:
    """From the end of the first batch to the end of the last.

    Args:
        noted: at least two batches.

    Returns:
        Their events but the first batch's, and what they took.
    """
    (first_us, first_cpu_s, _), (last_us, last_cpu_s, _) = noted[0], noted[-1]
    count = sum(len(captured) for _, _, captured in noted[1:])
    return Passed(count=count, seconds=(last_us - first_us) / 1e6, cpu_seconds=last_cpu_s - first_cpu_s)


def _wait(running: Services, condition: Callable[[], bool]) -> None:
    wait_until(condition, words="all events are handled", timeout_s=PATIENCE_S, check=running.check)
