"""Other options for MEASURE: in force from the end of a window on, and the same in all workers of a group."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from processors.thresholds import MeasureOptions
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


def test_another_window_length_adds_nothing_up_twice(stream: Stream, running: Services) -> None:
    events = footage()
    measuring(running, "before")
    stream.publish(events[:700])
    wait_until(stream.is_done, "the beginning is measured")
    assert running.stop() == {"before": 0}, running.log("before")
    configured(stream, "{window_s: 45}")
    measuring(running, "after")
    stream.publish([*events[700:], StreamEnded(stand_id="s")])
    wait_until(stream.is_done, "all is measured")
    found = windows(stream)
    assert all(a.end_us <= b.start_us for a, b in pairwise(found))
    assert sum(window.observed_us for window in found) == events[-1].t_us - START_US
    assert max(window.version for window in found) <= 3
    assert [w.start_us - START_US for w in found if w.metric_version == "1"] == [0, 60_000_000]
    assert len({window.metric_version for window in found}) == 2


def test_a_second_worker_with_other_options_is_refused_and_the_first_goes_on(
    stream: Stream, running: Services
) -> None:
    events = footage()
    measuring(running, "first")
    stream.publish(events[:700])
    wait_until(stream.is_done, "the beginning is measured")
    configured(stream, "{window_s: 20}")
    measuring(running, "second")
    assert running.finished("second", 60) == 2
    mine, other = MeasureOptions(window_s=20.0).digest, MeasureOptions().digest
    assert all(part in running.log("second") for part in (mine, other, "127.0.0.1", "Stop all workers"))
    running.processes.pop("second")
    configured(stream, "{window_s: 60}")
    measuring(running, "third")
    stream.publish([*events[700:], StreamEnded(stand_id="s")])
    wait_until(stream.is_done, "all is measured")
    assert {window.metric_version for window in windows(stream)} == {"1"}
    assert running.stop() == {"first": 0, "third": 0}


def test_a_worker_follows_one_with_other_options_that_was_killed(stream: Stream, running: Services) -> None:
    """The brokers count the dead one to the group for its session: that is waited for."""
    events = footage()
    measuring(running, "first")
    stream.publish(events[:700])
    wait_until(stream.is_done, "the beginning is measured")
    running.processes.pop("first").kill()
    configured(stream, "{window_s: 20}")
    measuring(running, "second")
    stream.publish([*events[700:], StreamEnded(stand_id="s")])
    wait_until(stream.is_done, "all is measured")
    assert [w.metric_version for w in windows(stream)].count("1") == 2
    assert running.stop() == {"second": 0}


def test_of_two_that_start_at_once_none_works_beside_the_other(stream: Stream, running: Services) -> None:
    """Neither may see the other before it joins; whoever sees a group of both does not begin."""
    measuring(running, "first")
    second = stream.config.with_name("second.yaml")
    second.write_text(stream.config.read_text() + "measure: {window_s: 20}\n", encoding="utf-8")
    running.config = second
    measuring(running, "second")
    stream.publish([*footage(), StreamEnded(stand_id="s")])
    wait_until(lambda: any(each.poll() == 2 for each in running.processes.values()), "one is refused")
    codes = {name: each.poll() for name, each in running.processes.items()}
    if None in codes.values():
        wait_until(stream.is_done, "the other measures all")
        assert len({window.metric_version for window in windows(stream)}) == 1
