"""Stream density: stands are added until what MEASURE knows comes half a second after the frame."""

import math
import os
import threading
import time
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

import msgspec

from onlooker.lab.stream.agents import latencies_of
from onlooker.lab.stream.figures import Latency, latency_of
from onlooker.lab.stream.input import FRAMES_PER_S
from onlooker.lab.stream.publish import frame_message, publisher_of
from onlooker.lab.stream.site import Services, Site, apart, in_thread, replace
from onlooker.models.cache import ModelCache
from onlooker.settings.configuration import Settings
from onlooker.wiring import cache_dir
from onlooker.wiring.perception import open_source
from producers.cameras.grabs import EndOfSource, Grab
from producers.cameras.sources import parse_source
from producers.publish.pictures import Encoded, encode_picture
from schemas.errors import DependencyAwayError
from schemas.units import US_PER_S
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry

CLIPS = ("WolfgangLanger_Pexels.mp4", "single_face.mp4", "face_noface.mov")
"""A woman who looks around, a man, somebody who comes and goes: 640 and 960 pixels wide."""
LIMIT_MS = 500
PERIOD_S = 1 / FRAMES_PER_S
FAR_APART = 37
"""Each stand begins so many frames later in the footage than the one before."""
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

    limit_ms: int = LIMIT_MS
    frames_per_s: int = FRAMES_PER_S
    """A stand."""
    meaning: str = MEANING
    frame_bytes: int
    """Mean size of the JPEG frames."""
    observe_workers: int
    inference_threads: int
    steps: tuple[Step, ...]
    highest: int
    """Most stands up to which every step held."""
    stopped_by: str
    """`latency`: more are too many; `stands` or `time`: the bound of the benchmark came first."""


def bench_density(site: Site) -> Density:
    """Add stands, one by one, to one OBSERVE service for every two cores and one MEASURE service.

    A step that fails is tried once more, because the machine may have been busy otherwise.
    """
    workers, pictures = max(1, len(os.sched_getaffinity(0)) // 2), footage(site.settings)
    with apart(site, partitions=12) as here, Services(here) as running:
        lines = here.folder / "handled.jsonl"
        for number in range(workers):
            running.start(f"observe-{number}", "onlooker", "work", "--role", "observe")
        running.start("measure", "onlooker.lab.stream.agents", "measure", lines, "0")
        trial = _Trial(here, pictures, running, lines)
        with in_thread(trial.send):
            steps, stopped_by = _steps(trial, here)
    return Density(
        frame_bytes=sum(len(each.picture) for each in pictures) // len(pictures),
        observe_workers=workers,
        inference_threads=site.settings.work.inference_threads,
        steps=tuple(steps),
        highest=highest_sustained([(step.stands, step.held) for step in steps]),
        stopped_by=stopped_by,
    )


def footage(settings: Settings) -> list[Encoded]:
    """All sample clips one after the other, as JPEG frames a tenth of a second apart, as live cameras encode.

    Raises:
        DependencyAwayError: The samples are not prepared.
    """
    options, found = replace(settings.publish, encoding="jpeg"), list[Encoded]()
    for clip in CLIPS:
        path = ModelCache(cache_dir()).sample_path(clip)
        if not path.exists():
            raise DependencyAwayError(
                f"The sample {clip} is missing: run `onlooker models prepare --samples`."
            )
        camera, next_us = open_source(parse_source(str(path)), settings.capture), 0
        while not isinstance(grab := camera.read(), EndOfSource):
            if isinstance(grab, Grab) and (grab.position_us or 0) >= next_us:
                found.append(encode_picture(grab.picture, options, lossless=False))
                next_us += US_PER_S // FRAMES_PER_S
        camera.close()
    return found


def _steps(trial: "_Trial", site: Site) -> tuple[list[Step], str]:
    trial.warm_up()
    cores = len(os.sched_getaffinity(0))
    until_s, steps = time.monotonic() + site.amount(120.0, quick=20.0), list[Step]()
    for stands in stand_counts(cores, round(cores * site.amount(12.0, quick=0.0))):
        step = trial.step(stands)
        if not step.held:
            trial.drain()
            step = trial.step(stands)
        steps.append(step)
        site.say(f"  {stands} stands: p95 {step.latency.p95_ms} ms")
        if not step.held:
            return steps, "latency"
        if time.monotonic() > until_s:
            return steps, "time"
    return steps, "stands"


def stand_counts(cores: int, most: int) -> list[int]:
    """How many stands are tried, one after the other: at least one, more at a time on many cores."""
    more = max(1, cores // 4)
    return list(range(more, most + 1, more)) or [1]


def highest_sustained(steps: Sequence[tuple[int, bool]]) -> int:
    """The most stands up to which every step (stands, held) held: luck after that does not count."""
    return max((stands for stands, _ in takewhile(lambda step: step[1], steps)), default=0)


def judged(stands: int, sent: Sequence[int], latencies: dict[int, int]) -> Step:
    """What became of the frames of a step.

    Args:
        stands: how many sent.
        sent: capture times of the frames, us UTC.
        latencies: of what MEASURE has handled so far, us by capture time; what it has not comes last.
    """
    latency = latency_of([latencies.get(captured, math.inf) for captured in sent])
    return Step(
        stands=stands,
        sent=len(sent),
        handled=sum(captured in latencies for captured in sent),
        latency=latency,
        held=latency.p95_ms is not None and latency.p95_ms <= LIMIT_MS,
    )


class _Trial:
    """Sends frames of stands, a tenth of a second apart, as `capture` does, and looks what becomes of them.

    Args:
        site: whose topics the frames go to.
        pictures: the footage, shown over and over.
        running: the services that look at them.
        lines: what MEASURE has handled.
    """

    def __init__(self, site: Site, pictures: Sequence[Encoded], running: Services, lines: Path) -> None:
        self._site = site
        self._publisher = publisher_of(site.kafka, site.settings.publish)
        self._pictures = pictures
        self._codec = AvroCodec(FileRegistry())
        self._running = running
        self._lines = lines
        self._stands = 0
        """How many send now."""
        self._sent: list[int] = []
        """Capture times of all frames so far, us UTC."""
        self._refused = 0
        """Frames for which the publisher had no room."""

    def send(self, stop: threading.Event) -> None:
        """Send until asked to stop: done in a thread of its own."""
        begun_s, index = time.monotonic(), 0
        while not stop.is_set():
            at_s, stands = begun_s + index * PERIOD_S, self._stands
            for stand in range(stands):
                # Spread over the tenth of a second, as the frames of cameras are.
                stop.wait(max(0.0, at_s + stand / stands * PERIOD_S - time.monotonic()))
                self._send(stand, index)
            index += 1
            stop.wait(max(0.0, at_s + PERIOD_S - time.monotonic()))
        self._publisher.close(1.0)

    def _send(self, stand: int, index: int) -> None:
        picture = self._pictures[(index + stand * FAR_APART) % len(self._pictures)]
        now_us = time.time_ns() // 1000
        message = frame_message(self._codec, picture, stand=stand, index=index, at_us=now_us)
        self._sent.append(now_us)
        self._refused += not self._publisher.offer(message)
        self._publisher.settled()

    def warm_up(self) -> None:
        """One stand, until its frames come through."""
        self._stands = 1
        self._wait(1, "a frame came through OBSERVE and MEASURE", 60.0)
        self.drain()

    def drain(self) -> None:
        """Nobody sends, until everything that waits has been handled."""
        self._stands = 0
        time.sleep(2 * PERIOD_S)
        self._wait(len(self._sent) - self._refused, "all frames have been handled", 30.0)

    def _wait(self, frames: int, words: str, timeout_s: float) -> None:
        self._running.wait(lambda: len(latencies_of(self._lines)) >= frames, words=words, timeout_s=timeout_s)

    def step(self, stands: int) -> Step:
        """Settle, send, judge."""
        settle_s = self._site.amount(2.0, quick=1.0)
        self._stands = stands
        time.sleep(settle_s)
        from_us = time.time_ns() // 1000
        time.sleep(self._site.amount(6.0, quick=4.0) - settle_s)
        to_us = time.time_ns() // 1000
        sent = [captured for captured in tuple(self._sent) if from_us <= captured < to_us]
        time.sleep(LIMIT_MS / 1000)
        self._running.check()
        return judged(stands, sent, latencies_of(self._lines))
