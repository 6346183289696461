"""Stream density: stands are added until what MEASURE knows comes half a second after the frame."""

import math
import os
import time
from collections.abc import Iterator, Sequence
from itertools import count, islice, takewhile
from pathlib import Path

import msgspec

from onlooker.lab.stream.agents import latencies_of
from onlooker.lab.stream.figures import Latency, latency_of
from onlooker.lab.stream.input import FRAMES_PER_S
from onlooker.lab.stream.publish import frame_message, publisher_of
from onlooker.lab.stream.site import Services, Site, apart, replace
from onlooker.models.cache import ModelCache
from onlooker.settings.configuration import Settings
from onlooker.wiring import cache_dir
from onlooker.wiring.perception import open_source
from producers.cameras.grabs import EndOfSource, Grab
from producers.cameras.sources import parse_source
from producers.publish.pictures import Encoded, encode_picture
from producers.publish.publishing import Publisher
from schemas.errors import DependencyAwayError
from schemas.units import US_PER_S
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry

CLIPS = ("WolfgangLanger_Pexels.mp4", "single_face.mp4", "face_noface.mov")
"""A woman who looks around, a man, somebody who comes and goes: 640 and 960 pixels wide."""
LIMIT_MS = 500
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
    with (
        apart(site, partitions=12) as here,
        Services(here) as running,
        publisher_of(here.kafka, here.settings.publish) as publisher,
    ):
        lines = here.folder / "handled.jsonl"
        for number in range(workers):
            running.start(f"observe-{number}", "onlooker", "work", "--role", "observe")
        running.start("measure", "onlooker.lab.stream.agents", "measure", lines, "0")
        steps, stopped_by = _Trial(here, publisher, pictures, running, lines).steps()
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


def stand_counts(cores: int, most: int) -> list[int]:
    """How many stands are tried, one after the other: at least one, more at a time on many cores."""
    more = max(1, cores // 4)
    return list(range(more, most + 1, more)) or [1]


def highest_sustained(steps: Sequence[tuple[int, bool]]) -> int:
    """The most stands up to which every step (stands, held) held: luck after that does not count."""
    return max((stands for stands, _ in takewhile(lambda step: step[1], steps)), default=0)


def judged(stands: int, sent: Sequence[int], latencies: dict[int, int]) -> Step:
    """What became of frames, by their capture times (us UTC).

    Latencies (us, by capture time) are of what MEASURE has handled so far; what it has not comes last.
    """
    latency = latency_of([latencies.get(captured, math.inf) for captured in sent])
    return Step(
        stands=stands,
        sent=len(sent),
        handled=sum(captured in latencies for captured in sent),
        latency=latency,
        held=latency.p95_ms is not None and latency.p95_ms <= LIMIT_MS,
    )


class _Trial(msgspec.Struct):
    """Sends frames as `capture` does, a tenth of a second apart, and looks what becomes of them."""

    site: Site
    publisher: Publisher
    pictures: Sequence[Encoded]
    """The footage, shown over and over."""
    running: Services
    lines: Path
    """What MEASURE has handled."""
    codec: AvroCodec = msgspec.field(default_factory=lambda: AvroCodec(FileRegistry()))
    indices: Iterator[int] = msgspec.field(default_factory=count)
    taken: int = 0
    """Frames so far for which the publisher had room."""

    def steps(self) -> tuple[list[Step], str]:
        """One step after another, and what ended them."""
        self._send(1, 5 * FRAMES_PER_S)
        self._drain("a frame came through OBSERVE and MEASURE", 60.0)
        cores, steps = len(os.sched_getaffinity(0)), list[Step]()
        until_s = time.monotonic() + self.site.amount(120.0, quick=20.0)
        for stands in stand_counts(cores, round(cores * self.site.amount(12.0, quick=0.0))):
            step = self._step(stands)
            if not step.held:
                self._drain("all frames have been handled", 30.0)
                step = self._step(stands)
            steps.append(step)
            self.site.say(f"  {stands} stands: p95 {step.latency.p95_ms} ms")
            if not step.held:
                return steps, "latency"
            if time.monotonic() > until_s:
                return steps, "time"
        return steps, "stands"

    def _step(self, stands: int) -> Step:
        """Settle, send, and judge while the stands go on sending."""
        settle, end = (second * FRAMES_PER_S for second in self.site.amount((2, 6), quick=(1, 4)))
        sent = self._send(stands, end + LIMIT_MS * FRAMES_PER_S // 1000)
        self.running.check()
        return judged(stands, sent[settle * stands : end * stands], latencies_of(self.lines))

    def _drain(self, words: str, timeout_s: float) -> None:
        """Nobody sends, until everything that waits has been handled."""
        self.running.wait(
            lambda: len(latencies_of(self.lines)) >= self.taken, words=words, timeout_s=timeout_s
        )

    def _send(self, stands: int, frames: int) -> list[int]:
        """Send so many frames of each stand; gives their capture times, us UTC."""
        begun_s, sent = time.monotonic(), list[int]()
        for number, index in enumerate(islice(self.indices, frames)):
            for stand in range(stands):
                # Spread over the tenth of a second, as the frames of cameras are.
                at_s = begun_s + (number + stand / stands) / FRAMES_PER_S
                time.sleep(max(0.0, at_s - time.monotonic()))
                picture = self.pictures[(index + stand * FAR_APART) % len(self.pictures)]
                sent.append(time.time_ns() // 1000)
                message = frame_message(self.codec, picture, stand=stand, index=index, at_us=sent[-1])
                self.taken += self.publisher.offer(message)
                self.publisher.settled()
        return sent
