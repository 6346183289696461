"""Other options for MEASURE: in force from the end of a window on, and the same in all workers of a group."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from schemas.events import FaceObservations, StreamEnded, WindowClosed
from tests.brokers import KafkaCluster
from tests.replay.measure_scenes import Camera, Person, frames, windows_of
from tests.services import Services, services, wait_until
from tests.streams import START_US
from tests.work_stream import Stream, measuring

pytestmark = [pytest.mark.kafka]

LOOKER = Person(track="a", from_s=60, to_s=150, looks=((62, 140),))


@pytest.fixture
def stream(kafka: KafkaCluster, topic_prefix: str, tmp_path: Path) -> Stream:
    return Stream(kafka, topic_prefix, tmp_path)


@pytest.fixture
def running(stream: Stream, tmp_path: Path) -> Iterator[Services]:
    with services(tmp_path, stream.config) as started:
        yield started


def configured(stream: Stream, measure: str) -> None:
    """Change the configuration of all workers that start from now on."""
    kept = [line for line in stream.config.read_text().splitlines() if not line.startswith("measure:")]
    stream.config.write_text("\n".join([*kept, f"measure: {measure}", ""]), encoding="utf-8")


def footage() -> list[FaceObservations]:
    """178.8 s of one camera."""
    return frames("s", Camera(to_s=178.9, people=(LOOKER,)), START_US)


def windows(stream: Stream) -> list[WindowClosed]:
    """Every window in its last version, by start."""
    last: dict[object, WindowClosed] = {}
    for window in sorted(windows_of(list(stream.facts().values())), key=lambda each: each.version):
        last[window.window_id] = window
    return sorted(last.values(), key=lambda each: each.start_us)


@pytest.mark.parametrize("length_s", [20, 45])
def test_another_window_length_adds_nothing_up_twice(
    stream: Stream, running: Services, length_s: int
) -> None:
    events = footage()
    measuring(running, "before")
    stream.publish(events[:700])
    wait_until(stream.is_done, "the beginning is measured")
    assert running.stop() == {"before": 0}, running.log("before")
    configured(stream, f"{{window_s: {length_s}}}")
    measuring(running, "after")
    stream.publish([*events[700:], StreamEnded(stand_id="s")])
    wait_until(stream.is_done, "all is measured")
    found = windows(stream)
    assert all(a.end_us <= b.start_us for a, b in pairwise(found))
    assert sum(window.observed_us for window in found) == events[-1].t_us - START_US
    assert max(window.version for window in found) <= 3
    assert [w.start_us - START_US for w in found if w.metric_version == "1"] == [0, 60_000_000]
    assert len({window.metric_version for window in found}) == 2
