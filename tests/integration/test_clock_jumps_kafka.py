"""Clocks that are wrong and are set, against a real broker: what is refused, who stops, what is measured."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from producers.options import PublishOptions
from producers.publish.in_flight import Message
from producers.publish.publisher import KafkaClient
from producers.publish.publishing import Publisher
from schemas.broker import BrokerOptions
from schemas.clocks import Clocks
from schemas.events import DeadLetter, FaceObservations, MeasureInput, Play, StreamEnded
from schemas.message import About
from tests.brokers import KafkaCluster
from tests.ports import Port
from tests.replay.measure_scenes import Camera, Person, Showing, frames, play
from tests.services import Services, services, wait_until
from tests.work_stream import Stream, embedded

pytestmark = [pytest.mark.kafka]
HOUR_US = 3_600_000_000
ABOUT = About(producer="test", produced_us=1)


@pytest.fixture
def stream(kafka: KafkaCluster, topic_prefix: str, tmp_path: Path) -> Stream:
    return Stream(kafka, topic_prefix, tmp_path)


@pytest.fixture
def running(stream: Stream, tmp_path: Path) -> Iterator[Services]:
    with services(tmp_path, stream.config) as started:
        yield started


class Wrong:
    """The clock of this machine, and by how much it is wrong."""

    def __init__(self) -> None:
        self.ahead_us = 0

    def now_us(self) -> int:
        return Clocks().now_us() + self.ahead_us


def settled(publisher: Publisher, count: int) -> list[tuple[object, str | None]]:
    """What became of so many messages."""
    found: list[tuple[object, str | None]] = []
    until_s = time.monotonic() + 30
    while len(found) < count:
        assert time.monotonic() < until_s, (found, publisher.problem)
        publisher.wait(0.1)
        found += [(each.message.mark, each.refused) for each in publisher.settled()]
    return found


def test_a_clock_that_the_brokers_refuse_is_told_and_what_is_live_is_dropped(stream: Stream) -> None:
    clock, broker = Wrong(), BrokerOptions(bootstrap=stream.broker.bootstrap, prefix=stream.broker.prefix)
    options = PublishOptions()
    clocks = Clocks(now_us=clock.now_us)
    publisher = Publisher(lambda: KafkaClient(broker, options, ("frames", "plays"), clocks=clocks), options)

    def offer(mark: int, *, waits: bool = False, stand_id: str = "live") -> None:
        message = Message(topic="frames", stand_id=stand_id, value=b"x", about=ABOUT, mark=mark, waits=waits)
        assert publisher.offer(message)

    offer(0)
    assert settled(publisher, 1) == [(0, None)]
    clock.ahead_us = 3 * HOUR_US
    for mark in range(1, 6):
        offer(mark)
    offer(6, waits=True, stand_id="recorded")
    assert settled(publisher, 5) == [(mark, "clock") for mark in range(1, 6)]
    problem = publisher.problem or ""
    assert "its clock is 3:00:00 ahead of the brokers'" in problem or "2:59:59 ahead" in problem, problem
    assert "does not answer" not in problem
    clock.ahead_us = 0
    assert settled(publisher, 1) == [(6, None)], "a recording waits until clocks agree"
    offer(7)
    assert settled(publisher, 1) == [(7, None)]
    assert publisher.problem is None
    assert publisher.close(5) == []
    assert stream.count("frames") == 3


def ready(port: int) -> tuple[int, dict[str, Any]]:
    """What `/readyz` of a service says."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as page:
            return page.status, json.load(page)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def shown(events: list[FaceObservations], plays: list[Play]) -> list[MeasureInput]:
    """Each play before the first event at its start, as capture sends them."""
    made: list[MeasureInput] = []
    for event in events:
        while plays and plays[0].start_us <= event.t_us <= plays[0].end_us:
            made.append(plays.pop(0))
        made.append(event)
    return made


def test_one_stand_from_the_future_is_set_aside_while_others_are_measured(
    stream: Stream, running: Services
) -> None:
    limits = "dead_letters: {max_consecutive: 50, window: 100}"
    stream.config.write_text(
        stream.config.read_text(encoding="utf-8").replace("work: {", f"work: {{{limits}, "), encoding="utf-8"
    )
    now_us = Clocks().now_us() // 60_000_000 * 60_000_000
    people = (Person(track="a", from_s=1, to_s=40, looks=((2, 30),)),)
    good = frames("good", Camera(to_s=70, people=people), start_us=now_us - 600_000_000)
    ahead = frames("ahead", Camera(to_s=70), start_us=now_us + 3 * HOUR_US)
    port = Port().number
    running.start("one", "work", "--role", "measure", "--metrics-port", str(port))
    stream.publish(good[:100])
    wait_until(stream.is_done, "the good one is known")
    stream.publish(event for pair in zip(good[100:], ahead[100:], strict=True) for event in pair)
    wait_until(stream.is_done, "all is measured")
    running.check()
    status, health = ready(port)
    assert (status, health["healthy"]) == (503, True)
    (stand,) = health["set_aside"]
    assert "ahead in observations" in stand
    assert "a clock is wrong" in health["set_aside"][stand]
    letters = [stream.codec.decode(each.value) for each in stream.records(["dead_letters"])]
    assert all(isinstance(each, DeadLetter) and each.key == b"ahead" for each in letters)
    assert len(letters) == len(ahead) - 100, "none is lost"
    assert stream.facts() == embedded(good)
    right = msgspec.structs.replace(ahead[0], t_us=now_us)
    stream.publish([right])
    wait_until(lambda: ready(port)[0] == 200, "the stand is back")
    assert running.stop() == {"one": 0}, running.log("one")


def test_a_jump_over_kafka_gives_the_facts_of_the_embedded_run(stream: Stream, running: Services) -> None:
    """Three hours ahead, then right, then by mistake an hour back, and right again; the worker is killed."""
    begin_us = Clocks().now_us() // 60_000_000 * 60_000_000 - 10 * HOUR_US
    made: list[FaceObservations] = []
    plays: list[Play] = []
    for number, start_us in enumerate((3 * HOUR_US, 100_000_000, -HOUR_US, 300_000_000)):
        people = (Person(track=f"p{number}", from_s=2, to_s=30, looks=((3, 20),)),)
        scene = Camera(to_s=70, first_index=700 * number, people=people)
        made += frames("door", scene, start_us=begin_us + start_us)
        plays += [
            play("door", Showing(creative="k", from_s=at, to_s=at + 15), start_us=begin_us + start_us)
            for at in range(0, 60, 15)
        ]
    events = [*shown(made, plays), StreamEnded(stand_id="door")]
    assert sum(isinstance(each, Play) for each in events) == 16
    running.start("one", "work", "--role", "measure")
    stream.publish(events[:800])
    wait_until(lambda: stream.waiting() < 700, "some is measured")
    running.processes.pop("one").kill()
    stream.publish(events[800:])
    running.start("two", "work", "--role", "measure")
    wait_until(stream.is_done, "all is measured")
    wanted = embedded(events)
    assert stream.facts() == wanted
    observed = {
        kind_id[0]: fact.observed_us for kind_id, fact in wanted.items() if hasattr(fact, "observed_us")
    }
    assert sum(observed.values()) == 4 * 69_900_000
    assert stream.count("dead_letters") == 0
