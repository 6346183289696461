"""Recordings for tests: a clock by hand, records of synthetic stands, a folder filled with them."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from processors.topology import topic_of
from schemas.clocks import Clocks
from schemas.events import FaceObservations, StreamEnded
from schemas.message import About
from schemas.recording.manifest import Manifest
from schemas.recording.records import Recorded
from sinks.recording.writer import RecordingWriter
from tests.streams import START_US, StreamOptions, synthetic

ABOUT = About(producer="observe@box:1", produced_us=START_US + 5, captured_us=START_US)


class HandClock:
    """Time that moves when a test says so."""

    def __init__(self, at_us: int = START_US) -> None:
        self.at_us = at_us

    def now_us(self) -> int:
        return self.at_us

    def monotonic_s(self) -> float:
        return self.at_us / 1e6

    def clocks(self) -> Clocks:
        return Clocks(now_us=self.now_us, monotonic_s=self.monotonic_s)


def manifest(**changes: Any) -> Manifest:
    return Manifest(
        **{"program_version": "0.0.1", "source": "kafka", "created_us": START_US, "topics": {}, **changes}
    )


def writer(folder: Path, clock: HandClock | None = None, **changes: Any) -> RecordingWriter:
    return RecordingWriter(folder, manifest(**changes), (clock or HandClock()).clocks())


def numbered(events: Iterable[Any], *, partition: int = 0, about: About | None = ABOUT) -> Iterator[Recorded]:
    """Events as a broker would have them: offsets by topic, arrival at event time."""
    offsets: dict[str, int] = {}
    arrived_us = START_US
    for event in events:
        topic = topic_of(event)
        arrived_us = max(arrived_us, getattr(event, "t_us", arrived_us))
        offset = offsets.get(topic, 0)
        offsets[topic] = offset + 1
        yield Recorded(
            topic=topic,
            partition=partition,
            offset=offset,
            arrived_us=arrived_us,
            event=event,
            about=about,
        )


def observations(count: int, **options: Any) -> list[Recorded]:
    """Records of the topic `observations`."""
    events = synthetic(StreamOptions(observations=count, **{"stands": 2, "cameras": 1, **options}))
    found = [event for event in events if isinstance(event, FaceObservations | StreamEnded)]
    return list(numbered(found))


def fill(folder: Path, records: Iterable[Recorded]) -> None:
    """Write a recording and close it."""
    clock = HandClock()
    with writer(folder, clock) as recording:
        for record in records:
            recording.add(record)
            clock.at_us = max(clock.at_us, record.arrived_us)
            recording.tick()
