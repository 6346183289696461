"""MEASURE in one process next to reading alone, and as an agent next to one that does nothing."""

from collections import deque
from collections.abc import Sequence

from onlooker.lab.stream.agents import Line, lines_of
from onlooker.lab.stream.figures import Comparison, Run, Sides, side_by_side, timed
from onlooker.lab.stream.input import Crowd, measure, traffic
from onlooker.lab.stream.site import Services, Site, apart, fill, replace
from schemas.events import FaceObservations
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry

PATIENCE_S = 120.0
READING = Sides(ours="", floor="reading the Avro alone", unit="events", aim=">= 20,000/s", least_per_s=20_000)
EMBEDDED = [replace(READING, ours=f"MEASURE, {given}") for given in ("events", "Avro messages")]
AGENT = Sides(ours="", floor="", unit="events", aim=">= 0.80 of the floor", least_share=1 / 1.25)
AGENTS = [
    replace(AGENT, ours=f"MEASURE agent, {how}", floor=f"idle agent, {how}") for how in ("clock", "CPU time")
]


def bench_measure(crowd: Crowd, *, repeat: int) -> list[Comparison]:
    """Observations a second through MEASURE in this process, on one core: over values, and over Avro."""
    codec = AvroCodec(FileRegistry())
    events = list(traffic(crowd))
    messages = [codec.encode(event) for event in events]
    moved = {"count": crowd.events, "size_bytes": sum(map(len, messages))}

    def turn(_: int) -> list[tuple[Run, Run]]:
        floor = timed(lambda: deque(map(codec.decode, messages), maxlen=0), **moved)
        values = timed(lambda: measure(events), **moved)
        return [(values, floor), (timed(lambda: measure(map(codec.decode, messages)), **moved), floor)]

    return side_by_side(EMBEDDED, repeat=repeat, turn=turn)


def bench_embedded(site: Site) -> list[Comparison]:
    """As `bench_measure`, over so much traffic as there is time for."""
    crowd = site.amount(Crowd(stands=20, seconds=200), quick=Crowd(stands=4, seconds=70))
    return bench_measure(crowd, repeat=site.repeat)


def bench_faust(site: Site) -> list[Comparison]:
    """Events a second of both agents, each a process of its own, turn by turn over the same messages.

    By the clock, and by CPU time, which other work on the machine disturbs less.
    """
    crowd = site.amount(Crowd(stands=16, seconds=250), quick=Crowd(stands=4, seconds=50))

    def turn(_: int) -> list[tuple[Run, Run]]:
        with apart(site, partitions=4) as here:
            events = sorted(traffic(crowd), key=lambda event: isinstance(event, FaceObservations))
            fill(here.kafka, events)
            floor, ours = (_pass(here, agent, crowd.events) for agent in ("idle", "measure"))
        return list(zip(ours, floor, strict=True))

    return side_by_side(AGENTS, repeat=site.repeat, turn=turn)


def _pass(site: Site, agent: str, expected: int) -> tuple[Run, Run]:
    lines = site.folder / f"{agent}.jsonl"

    def all_handled() -> bool:
        return sum(len(captured) for _, _, captured in lines_of(lines)) >= expected

    with Services(site) as running:
        running.start(agent, "onlooker.lab.stream.agents", agent, lines, str(expected))
        running.wait(all_handled, words="all events are handled", timeout_s=PATIENCE_S)
    return passed(lines_of(lines))


def passed(lines: Sequence[Line]) -> tuple[Run, Run]:
    """One pass of at least two batches, from the end of the first to that of the last: by clock, by CPU time.

    The events of the first are not counted.
    """
    (first_us, first_cpu_s, _), (last_us, last_cpu_s, _) = lines[0], lines[-1]
    count = sum(len(captured) for _, _, captured in lines[1:])
    clock = Run(count=count, seconds=(last_us - first_us) / 1e6)
    return clock, Run(count=count, seconds=last_cpu_s - first_cpu_s)
