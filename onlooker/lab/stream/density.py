"""Stream density: stands are added until what MEASURE knows comes half a second after the frame."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec
from rich.console import Console

from onlooker.lab.stream.figures import Latency, highest_sustained, latency_of
from onlooker.lab.stream.footage import footage
from onlooker.lab.stream.handled import Handled
from onlooker.lab.stream.input import FRAMES_PER_S
from onlooker.lab.stream.sender import Sender
from onlooker.lab.stream.services import Services, services, wait_until, written
from onlooker.lab.stream.shapes import latency_words, plain_table
from onlooker.lab.stream.site import Amounts, Site, Work
from onlooker.lab.stream.topics import making_topics
from schemas.units import US_PER_MS, us_from_s

LIMIT_MS = 500
PARTITIONS = 12
START_S = 60.0
DRAIN_S = 30.0
MEANING = (
    "From the capture of a frame (header captured_us, stamped as the stand hands it over) until MEASURE has "
    "handled its observation: the stand's state knows it, and what follows from it has been decided."
)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """So many stands at once, for some seconds."""

    stands: int
    sent: int
    """Frames, after the settling time."""
    handled: int
    """Of these, handled by MEASURE within the limit after the last was sent, or before."""
    latency: Latency
    """Of all that were sent; one not handled yet counts as later than the limit."""
    held: bool
    """The p95 is within the limit."""


class Density(msgspec.Struct, frozen=True, kw_only=True):
    """The curve, stand by stand."""

    limit_ms: int
    frames_per_s: int
    """A stand."""
    meaning: str
    frame_bytes: int
    """Mean size of the JPEG frames."""
    observe_workers: int
    inference_threads: int
    steps: tuple[Step, ...]
    highest: int
    """Most stands up to which every step held."""
    stopped_by: str
    """`latency`: more are too many; `stands` or `time`: the bound of the benchmark came first."""

    def show(self, console: Console) -> None:
        """Print it for a person."""
        table = plain_table(
            f"Stream density: stands of {self.frames_per_s} frames/s, p95 <= {self.limit_ms} ms"
        )
        for name in ("stands", "frames", "p50 ms", "p95 ms", "p99 ms", "verdict"):
            table.add_column(name, justify="right")
        for step in self.steps:
            table.add_row(str(step.stands), *latency_words(step.latency), "held" if step.held else "TOO LATE")
        console.print(table)
        console.print(f"[bold]{self.highest} stands[/] ({STOPPED[self.stopped_by]}). [dim]{self.meaning}[/]")


STOPPED = {
    "latency": "one more is too many",
    "stands": "the benchmark tries no more",
    "time": "the benchmark's time was over before one was too many",
}


def bench_density(work: Work) -> Density:
    """Add stands, one by one, to one OBSERVE service for every two cores and one MEASURE service.

    Args:
        work: the site, how long a step takes, and how many there may be.

    Returns:
        The curve. A step that fails is tried once more, because the machine may have been busy otherwise.
    """
    site, workers = work.site.apart(), observe_workers()
    with ExitStack() as stack:
        stack.enter_context(making_topics(site.kafka, partitions=PARTITIONS))
        running = stack.enter_context(services(site))
        found = _start(running, site, workers)
        pictures = footage(site.settings)
        sender = Sender(site.kafka, site.settings.publish, pictures)
        stack.callback(sender.stop)
        sender.start()
        trial = _Trial(sender, Handled(found), running.check, work.amounts)
        trial.warm_up()
        steps, stopped_by = _steps(trial, work)
    return Density(
        limit_ms=LIMIT_MS,
        frames_per_s=FRAMES_PER_S,
        meaning=MEANING,
        frame_bytes=sum(len(each.picture) for each in pictures) // len(pictures),
        observe_workers=workers,
        inference_threads=site.settings.work.inference_threads,
        steps=tuple(steps),
        highest=highest_sustained([(step.stands, step.held) for step in steps]),
        stopped_by=stopped_by,
    )


def observe_workers() -> int:
    """How many OBSERVE services this machine gets: each has two threads for inference."""
    return max(1, len(os.sched_getaffinity(0)) // 2)


def _start(running: Services, site: Site, workers: int) -> Path:
    config, found = written(site, "density"), site.folder / "handled.jsonl"
    for number in range(workers):
        running.start(f"observe-{number}", "onlooker", "work", "--role", "observe", "--config", config)
    running.start("measure", "onlooker.lab.stream.worker", config, found)
    return found


def _steps(trial: "_Trial", work: Work) -> tuple[list[Step], str]:
    until, steps = time.monotonic() + work.amounts.density_limit_s, []
    cores = len(os.sched_getaffinity(0))
    for stands in stand_counts(cores, round(cores * work.amounts.density_stands_a_core)):
        step = trial.run(stands)
        if not step.held:
            step = trial.again(stands)
        steps.append(step)
        work.say(f"  {stands} stands: p95 {step.latency.p95_ms} ms")
        if not step.held:
            return steps, "latency"
        if time.monotonic() > until:
            return steps, "time"
    return steps, "stands"


def stand_counts(cores: int, most: int) -> list[int]:
    """How many stands are tried, one after the other.

    Args:
        cores: of this machine; a large one gets more at a time.
        most: bound.

    Returns:
        Ascending; at least one number.
    """
    more = max(1, cores // 4)
    return list(range(more, most + 1, more)) or [1]


class _Trial:
    """Runs steps: tells the sender how many stands, and looks what came of it."""

    def __init__(self, sender: Sender, handled: Handled, check: Callable[[], None], amounts: Amounts) -> None:
        self._sender = sender
        self._handled = handled
        self._check = check
        self._amounts = amounts

    def warm_up(self) -> None:
        """One stand, until its frames come through."""
        self._sender.stands = 1
        wait_until(
            lambda: bool(self._handled.latencies()),
            words="a frame came through OBSERVE and MEASURE",
            timeout_s=START_S,
            check=self._checked,
        )
        self._drain()

    def again(self, stands: int) -> Step:
        """The same step once more, after everything that waits has been handled."""
        self._drain()
        return self.run(stands)

    def run(self, stands: int) -> Step:
        """One step: settle, send, judge."""
        self._sender.stands = stands
        self._sleep(self._amounts.density_settle_s)
        from_us = time.time_ns() // 1000
        self._sleep(self._amounts.density_step_s - self._amounts.density_settle_s)
        to_us = time.time_ns() // 1000
        sent = [captured for captured in tuple(self._sender.sent) if from_us <= captured < to_us]
        self._sleep(LIMIT_MS / 1000)
        return judged(stands, sent, self._handled.latencies())

    def _drain(self) -> None:
        self._sender.stands = 0
        wait_until(
            lambda: len(self._handled.latencies()) >= len(self._sender.sent) - self._sender.refused,
            words="all frames have been handled",
            timeout_s=DRAIN_S,
            check=self._checked,
        )

    def _sleep(self, seconds: float) -> None:
        time.sleep(seconds)
        self._checked()

    def _checked(self) -> None:
        self._check()
        self._sender.check()


def judged(stands: int, sent: Sequence[int], latencies: dict[int, int]) -> Step:
    """What became of the frames of a step.

    Args:
        stands: how many sent.
        sent: capture times of the frames, us UTC.
        latencies: of what MEASURE has handled so far, us by capture time.

    Returns:
        The step; frames that have not come through yet stand behind all others.
    """
    never_us = us_from_s(3600)
    values = [latencies.get(captured, never_us) for captured in sent]
    latency = latency_of(values)
    late = latency.p95_ms is None or latency.p95_ms > LIMIT_MS
    return Step(
        stands=stands,
        sent=len(sent),
        handled=sum(value < never_us for value in values),
        latency=_without(latency, never_us),
        held=not late,
    )


def _without(latency: Latency, never_us: int) -> Latency:
    """Percentiles that fell on frames which have not come through are not known."""
    never_ms = never_us / US_PER_MS
    known = {
        name: None if value == never_ms else value
        for name, value in msgspec.structs.asdict(latency).items()
        if name != "count"
    }
    return Latency(count=latency.count, **known)
