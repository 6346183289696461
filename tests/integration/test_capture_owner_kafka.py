"""Two captures of one stand against a real broker: one owner, taken over in order, and never two at once."""

import itertools
import json
import logging
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka import KafkaConsumer, TopicPartition

from producers.options import PublishOptions
from producers.owners.group import CaptureGroup
from producers.publish.in_flight import Message
from producers.publish.publisher import KafkaClient
from producers.publish.publishing import Publisher
from schemas.broker import BrokerOptions
from schemas.errors import BrokerAwayError, UsageError
from schemas.events import FrameCaptured, Play, StreamEnded
from schemas.message import About
from schemas.topics import Topic, TopicNames
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry
from tests.brokers import KafkaCluster, wait_until
from tests.e2e.command import COMMAND
from tests.integration.test_cameras import MjpegServer
from tests.offsets import offsets_at
from tests.ports import Port
from tests.topics import create_topics

pytestmark = [pytest.mark.kafka]
CODEC = AvroCodec(FileRegistry())
SESSION_S = 3.0
LONG_SESSION_S = 20.0
"""Longer than a process takes to start on a busy machine."""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """One message, and the process that sent it."""

    event: FrameCaptured | Play | StreamEnded
    pid: int
    at_ms: int


class Box:
    """A capture process with a data directory and a log."""

    def __init__(self, shop: "Shop", name: str, config: Path) -> None:
        self._shop = shop
        self.data = shop.folder / name
        self._reserved = Port()
        self.port = self._reserved.number
        self._log = shop.folder / f"{name}.log"
        self._config = config
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        arguments = ["capture", "--config", self._config, "--data-dir", self.data, "--pace", "real"]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*COMMAND, *map(str, arguments), "--metrics-port", str(self.port)],
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        return self.process

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def page(self, name: str) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{name}", timeout=5) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return str(error.read().decode())
        except OSError:
            return ""

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0, self.log

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stands_by(self, key: str) -> bool:
        assert self.process.poll() is None, self.log
        health = json.loads(self.page("readyz") or "{}")
        return key in health.get("stands_by", {}) and health["ready"]


class Shop:
    """A stand with two live cameras, seen by every box."""

    def __init__(self, folder: Path, kafka: KafkaCluster, prefix: str) -> None:
        self.folder = folder
        self.kafka = kafka
        self.names = TopicNames(prefix=prefix)
        self.cameras = [MjpegServer(60), MjpegServer(90)]
        self.boxes: list[Box] = []
        self.session_s = SESSION_S
        create_topics(self.config("all"))

    def config(self, name: str, cameras: tuple[str, ...] = ("left", "right")) -> Path:
        path = self.folder / f"{name}.yaml"
        named = zip(("left", "right"), self.cameras, strict=True)
        lines = "".join(
            f"  - {{camera_id: {camera}, source: 'http://127.0.0.1:{server.port}/'}}\n"
            for camera, server in named
            if camera in cameras
        )
        path.write_text(
            f"kafka: {{bootstrap: '{self.kafka.bootstrap}', prefix: {self.names.prefix}}}\n"
            "topics: {partitions: 2}\n"
            f"publish: {{session_timeout_s: {self.session_s}, flush_s: 2, in_flight_messages: 9000}}\n"
            "capture: {buffer_frames: 9000}\n"
            f"stands:\n- stand_id: door\n  cameras:\n{lines}"
            "  playlist: {slots: [{campaign_id: c, creative_id: x, duration_s: 1.5}]}\n",
            encoding="utf-8",
        )
        return path

    def box(self, name: str, cameras: tuple[str, ...] = ("left", "right")) -> Box:
        self.boxes.append(Box(self, name, self.config(name, cameras)))
        return self.boxes[-1]

    def count(self, topic: Topic = "frames") -> int:
        return sum(offsets_at(self.kafka.bootstrap).ends([self.names.name(topic)]).values())

    def wait_for_more(self, count: int) -> None:
        wanted = self.count() + count
        wait_until(lambda: self.count() >= wanted, words=f"there are {count} more frames")

    def wait_for_frames_of(self, box: Box) -> None:
        wait_until(lambda: any(each.pid == box.pid for each in self.sent("frames")), words="a box sends")

    def sent(self, topic: Topic) -> list[Sent]:
        consumer = KafkaConsumer(bootstrap_servers=self.kafka.bootstrap, group_id=None)
        consumer.assign([TopicPartition(self.names.name(topic), number) for number in range(2)])
        ends = consumer.end_offsets(consumer.assignment())
        consumer.seek_to_beginning()
        found: list[Sent] = []
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            for records in consumer.poll(timeout_ms=500).values():
                for record in records:
                    pid = int(dict(record.headers)["producer"].decode().rpartition(":")[2])
                    found.append(Sent(event=CODEC.decode(record.value), pid=pid, at_ms=record.timestamp))
        consumer.close()
        return found

    def turns(self) -> list[int]:
        """The processes that sent frames, each once for every stretch in which it did."""
        return [pid for pid, _ in itertools.groupby(each.pid for each in self.sent("frames"))]

    def gap_s(self, first: Box | int, second: Box | int) -> float:
        """Time between the last frame of one process and the first of another."""
        frames = self.sent("frames")
        before, after = (each if isinstance(each, int) else each.pid for each in (first, second))
        last_ms = max(each.at_ms for each in frames if each.pid == before)
        return (min(each.at_ms for each in frames if each.pid == after) - last_ms) / 1000

    def plays_do_not_overlap(self) -> None:
        sent = [each.event for each in self.sent("plays")]
        plays = sorted({each for each in sent if isinstance(each, Play)}, key=lambda play: play.start_us)
        assert plays
        for earlier, later in itertools.pairwise(plays):
            assert earlier.end_us <= later.start_us, "what the screen showed is told once"

    def close(self) -> None:
        for box in self.boxes:
            if box.process.poll() is None:
                box.process.send_signal(signal.SIGCONT)
                box.kill()
        for camera in self.cameras:
            camera.die()


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """The client of the test says much that nobody reads."""
    caplog.set_level(logging.CRITICAL, "kafka")


@pytest.fixture
def shop(kafka: KafkaCluster, topic_prefix: str, tmp_path: Path) -> Iterator[Shop]:
    found = Shop(tmp_path, kafka, topic_prefix)
    try:
        yield found
    finally:
        found.close()


def indices(sent: list[Sent], camera_id: str) -> list[int]:
    frames = [each.event for each in sent if isinstance(each.event, FrameCaptured)]
    return [frame.frame_index for frame in frames if frame.camera_id == camera_id]


def test_a_second_box_waits_says_so_and_takes_over_when_the_first_ends(
    shop: Shop, record_property: Any
) -> None:
    first = shop.box("first")
    shop.wait_for_more(10)
    second = shop.box("second")
    for key in ("door", "door/left", "door/right"):
        wait_until(partial(second.stands_by, key), words=f"it stands by for {key}")
    shop.wait_for_more(100)
    assert {each.pid for each in shop.sent("frames")} == {first.pid}
    assert {each.pid for each in shop.sent("plays")} == {first.pid}
    assert 'onlooker_owned{camera_id="left",stand_id="door"} 0.0' in second.page("metrics")
    assert 'onlooker_owned{camera_id="left",stand_id="door"} 1.0' in first.page("metrics")
    assert "door/left: " in second.log
    assert "captures it; this one stands by" in second.log
    first.end()
    shop.wait_for_frames_of(second)
    assert '"stands_by":{}' in second.page("readyz")
    assert "door/left is ours now" in second.log
    shop.wait_for_more(50)
    second.end()
    assert shop.turns() == [first.pid, second.pid], "never both, and no frame of the first after the second's"
    gap_s = shop.gap_s(first, second)
    record_property("gap_s", gap_s)
    assert gap_s < SESSION_S
    for box, camera in itertools.product((first, second), ("left", "right")):
        found = indices([each for each in shop.sent("frames") if each.pid == box.pid], camera)
        assert found == list(range(found[0], found[0] + len(found))), "nothing of the owner is missing"
    shop.plays_do_not_overlap()


def test_a_killed_owner_is_followed_within_a_session_and_its_plays_go_on(
    shop: Shop, record_property: Any
) -> None:
    first = shop.box("first")
    shop.wait_for_more(10)
    second = shop.box("second")
    wait_until(lambda: second.stands_by("door"), words="it stands by")
    shop.wait_for_more(50)
    first.kill()
    shop.wait_for_frames_of(second)
    shop.wait_for_more(50)
    gap_s = shop.gap_s(first, second)
    record_property("gap_s", gap_s)
    assert 0 < gap_s < SESSION_S + 2
    assert shop.turns() == [first.pid, second.pid]
    shop.plays_do_not_overlap()


def test_a_killed_box_that_is_started_again_goes_on_at_once(shop: Shop, record_property: Any) -> None:
    shop.session_s = LONG_SESSION_S
    first = shop.box("first")
    shop.wait_for_more(10)
    second = shop.box("second")
    wait_until(lambda: second.stands_by("door"), words="it stands by")
    before = first.pid
    first.kill()
    killed_s = time.monotonic()
    first.start()
    wait_until(lambda: 'stand_id="door"} 1.0' in first.page("metrics"), words="it owns the stand again")
    took_s = time.monotonic() - killed_s
    shop.wait_for_frames_of(first)
    record_property("took_s", took_s)
    assert shop.turns() == [before, first.pid], "the other did not get it"
    assert shop.gap_s(before, first) < LONG_SESSION_S, "nobody waited for the session of the dead"
    second.end()


def test_a_box_that_stood_still_for_longer_than_a_session_sends_nothing_any_more(shop: Shop) -> None:
    first = shop.box("first")
    shop.wait_for_more(10)
    second = shop.box("second")
    wait_until(lambda: second.stands_by("door"), words="it stands by")
    shop.wait_for_more(50)
    first.process.send_signal(signal.SIGSTOP)
    shop.wait_for_frames_of(second)
    first.process.send_signal(signal.SIGCONT)
    wait_until(lambda: first.stands_by("door/left"), words="it stands by now")
    shop.wait_for_more(50)
    assert shop.turns() == [first.pid, second.pid]
    assert "begins anew" in first.log
    shop.plays_do_not_overlap()
    second.end()
    wait_until(lambda: shop.turns() == [first.pid, second.pid, first.pid], words="it takes over again")


@pytest.mark.slow
def test_brokers_that_come_back_find_the_same_owner_and_nothing_is_missing(shop: Shop) -> None:
    first = shop.box("first")
    shop.wait_for_more(10)
    second = shop.box("second")
    wait_until(lambda: second.stands_by("door"), words="it stands by")
    shop.kafka.kill(0)
    shop.kafka.restart(0)
    shop.wait_for_more(300)
    assert shop.turns() == [first.pid]
    for camera in ("left", "right"):
        found = list(dict.fromkeys(indices(shop.sent("frames"), camera)))
        assert found == list(range(found[0], found[0] + len(found)))


def test_two_boxes_share_the_cameras_of_a_stand_and_one_of_them_tells_its_plays(shop: Shop) -> None:
    left = shop.box("first", ("left",))
    shop.wait_for_more(10)
    both = shop.box("second")
    shop.wait_for_frames_of(both)
    assert both.stands_by("door/left")
    shop.wait_for_more(50)
    frames = shop.sent("frames")
    assert {each.pid for each in frames if indices([each], "left")} == {left.pid}
    assert {each.pid for each in frames if indices([each], "right")} == {both.pid}
    assert {each.pid for each in shop.sent("plays")} == {left.pid}


@pytest.mark.slow
def test_a_box_that_is_started_again_with_fewer_cameras_leaves_the_others_to_who_waits(shop: Shop) -> None:
    shop.session_s = LONG_SESSION_S
    first = shop.box("first")
    shop.wait_for_more(10)
    second = shop.box("second")
    wait_until(lambda: second.stands_by("door/right"), words="it stands by")
    first.kill()
    shop.config("first", ("left",))
    first.start()
    shop.wait_for_frames_of(second)
    shop.wait_for_frames_of(first)
    last = shop.sent("frames")[-60:]
    assert {each.pid for each in last if indices([each], "right")} == {second.pid}
    assert {each.pid for each in last if indices([each], "left")} == {first.pid}


def test_messages_wait_at_a_closed_gate_at_no_cost_and_go_when_it_opens(shop: Shop) -> None:
    broker = BrokerOptions(bootstrap=shop.kafka.bootstrap, prefix=shop.names.prefix)
    gate = threading.Event()
    options = PublishOptions()
    publisher = Publisher(lambda: KafkaClient(broker, options, ("plays",), may_send=gate.is_set), options)
    play = Play(play_id=uuid.uuid4(), stand_id="door", campaign_id="c", creative_id="x", start_us=1, end_us=2)
    about = About(producer="test:1", produced_us=1)
    for mark in range(3):
        message = Message(topic="plays", stand_id="door", value=CODEC.encode(play), about=about, mark=mark)
        assert publisher.offer(message)
    cpu_s, until_s = time.process_time(), time.monotonic() + 2.0
    while time.monotonic() < until_s:
        publisher.wait(0.5)
    cpu_s = time.process_time() - cpu_s
    assert shop.count("plays") == 0
    gate.set()
    assert publisher.close(20.0) == []
    assert [each.message.mark for each in publisher.settled()] == [0, 1, 2]
    assert shop.count("plays") == 3
    assert cpu_s < 0.2, "a box that stands by for days must not keep a core busy"


def _joined(group: CaptureGroup) -> bool:
    try:
        return group.join(b"claim") is not None
    except BrokerAwayError:
        return False


def test_a_twin_of_a_living_member_is_not_silent(kafka: KafkaCluster, topic_prefix: str) -> None:
    options = BrokerOptions(bootstrap=kafka.bootstrap, prefix=topic_prefix)
    first, twin = (CaptureGroup(options, "box", LONG_SESSION_S) for _ in range(2))
    wait_until(partial(_joined, first), words="a new broker looks after groups")
    first.sync({"box": b"told"})
    twin.join(b"claim")
    assert twin.sync({}) == b"told", "a restart goes on with what its predecessor was told"
    with pytest.raises(UsageError, match="two processes capture with one data directory"):
        first.heartbeat()
    twin.leave()
    for each in (first, twin):
        each.close()
