"""The fold of MEASURE in one embedded process, next to reading the same messages and nothing else."""

import time
from collections.abc import Callable, Sequence

import msgspec

from onlooker.lab.stream.figures import Asked, Comparison, Names, Run, compare
from onlooker.lab.stream.input import Crowd, traffic
from processors.measure.stage import MeasureStage
from processors.runtime.local import LocalRuntime
from processors.thresholds import MeasureOptions
from processors.topology import topic_of
from schemas.events import FaceObservations, Play
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry

Sent = FaceObservations | Play
AIM = Asked(words=">= 20,000/s", per_s=20_000)
FLOOR = "reading the Avro alone"


class MeasureInput(msgspec.Struct, frozen=True, kw_only=True):
    """The same traffic as values and as messages."""

    crowd: Crowd
    events: Sequence[Sent]
    messages: Sequence[bytes]


def bench_measure(crowd: Crowd, *, repeat: int) -> list[Comparison]:
    """Observation events a second through MEASURE in this process, on one core.

    Args:
        crowd: how much traffic.
        repeat: turns; each measures the floor and both ways of ours.

    Returns:
        MEASURE over values, and over Avro messages.
    """
    codec = AvroCodec(FileRegistry())
    events = list(traffic(crowd))
    given = MeasureInput(crowd=crowd, events=events, messages=[codec.encode(event) for event in events])
    turns = [(_decoding(given, codec), _values(given), _messages(given, codec)) for _ in range(repeat)]
    floor, values, messages = zip(*turns, strict=True)
    return [
        compare(
            Names(ours="MEASURE, events", floor=FLOOR, unit="events"), ours=values, floor=floor, asked=AIM
        ),
        compare(
            Names(ours="MEASURE, Avro messages", floor=FLOOR, unit="events"),
            ours=messages,
            floor=floor,
            asked=AIM,
        ),
    ]


def _decoding(given: MeasureInput, codec: AvroCodec) -> Run:
    def read() -> None:
        for message in given.messages:
            codec.decode(message)

    return _timed(given, read)


def _values(given: MeasureInput) -> Run:
    runtime = _runtime()

    def fold() -> None:
        for event in given.events:
            runtime.publish(topic_of(event), event.stand_id, event)

    return _timed(given, fold)


def _messages(given: MeasureInput, codec: AvroCodec) -> Run:
    runtime = _runtime()

    def fold() -> None:
        for message in given.messages:
            event = codec.decode(message)
            runtime.publish(topic_of(event), event.stand_id, event)

    return _timed(given, fold)


def _runtime() -> LocalRuntime:
    return LocalRuntime({"measure": MeasureStage(MeasureOptions())}, lambda _: None)


def _timed(given: MeasureInput, work: Callable[[], None]) -> Run:
    size = sum(map(len, given.messages))
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    return Run(count=given.crowd.events, seconds=seconds, size_bytes=size)
