"""`onlooker capture` against a real broker: what arrives, after kills and with the broker away."""

import json
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from kafka import KafkaConsumer, TopicPartition

from producers.cameras.camera import open_camera
from producers.cameras.grabs import Grab
from producers.cameras.sources import parse_source
from producers.options import CaptureOptions, PublishOptions
from producers.publish.in_flight import Message
from producers.publish.publisher import KafkaClient
from producers.publish.publishing import Publisher
from schemas.broker import BrokerOptions
from schemas.events import FrameCaptured, Play, StreamEnded
from schemas.ids import derive_id
from schemas.message import About, captured_us_of, is_repeated
from schemas.ports import Pixels
from schemas.topics import Topic, TopicNames
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry
from tests.brokers import KafkaCluster, wait_until
from tests.e2e.command import onlooker, started
from tests.integration.test_cameras import MjpegServer, decode
from tests.offsets import offsets_at
from tests.topics import create_topics

pytestmark = [pytest.mark.kafka]
CODEC = AvroCodec(FileRegistry())
FRAMES = 150
PATIENCE_S = 60.0


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a topic."""

    event: Any
    key: str
    at_ms: int
    repeated: bool
    captured_us: int | None


class Site:
    """A site with topics of its own; its cameras are recordings or a live one."""

    def __init__(self, folder: Path, kafka: KafkaCluster, prefix: str) -> None:
        self.folder = folder
        self.kafka = kafka
        self.names = TopicNames(prefix=prefix)
        self.config = folder / f"{prefix}.yaml"

    def configure(self, stands: str, *, publish: str = "{}", capture: str = "{}") -> None:
        kafka = f"{{bootstrap: '{self.kafka.bootstrap}', prefix: {self.names.prefix}}}"
        self.config.write_text(
            f"kafka: {kafka}\ntopics: {{partitions: 2}}\npublish: {publish}\ncapture: {capture}\n"
            f"stands:\n{stands}",
            encoding="utf-8",
        )
        create_topics(self.config)

    def capture(self, data: str, *more: str) -> subprocess.Popen[str]:
        return started("capture", "--config", self.config, "--data-dir", self.folder / data, "--json", *more)

    def finished(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
        found: dict[str, Any] = json.loads(out)
        frames = found["frames"]
        assert frames["captured"] == frames["published"] + frames["dropped"], "every frame is accounted for"
        return found

    def count(self, topic: Topic) -> int:
        return sum(offsets_at(self.kafka.bootstrap).ends([self.names.name(topic)]).values())

    def wait_for(self, frames: int) -> None:
        wait_until(lambda: self.count("frames") >= frames, words=f"there are {frames} messages in frames")

    def read(self, topic: Topic) -> list[Arrived]:
        consumer = self._consumer(topic)
        ends = consumer.end_offsets(consumer.assignment())
        consumer.seek_to_beginning()
        found: list[Arrived] = []
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            for records in consumer.poll(timeout_ms=500).values():
                found += [_arrived(record) for record in records]
        consumer.close()
        return found

    def _consumer(self, topic: Topic) -> Any:
        consumer = KafkaConsumer(bootstrap_servers=self.kafka.bootstrap, group_id=None)
        consumer.assign([TopicPartition(self.names.name(topic), number) for number in range(2)])
        return consumer


def _arrived(record: Any) -> Arrived:
    return Arrived(
        event=CODEC.decode(record.value),
        key=record.key.decode(),
        at_ms=record.timestamp,
        repeated=is_repeated(record.headers),
        captured_us=captured_us_of(record.headers),
    )


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of moving noise at ten frames a second."""
    path = tmp_path_factory.mktemp("film") / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (160, 120))
    noise = np.random.default_rng(5).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    for index in range(FRAMES):
        writer.write(np.roll(noise, 3 * index, axis=1))
    writer.release()
    return path


@pytest.fixture
def site(kafka: KafkaCluster, topic_prefix: str, tmp_path: Path) -> Site:
    return Site(tmp_path, kafka, topic_prefix)


def stand(stand_id: str, *sources: Path | str) -> str:
    cameras = ", ".join(f"{{source: '{source}'}}" for source in sources)
    slot = "{campaign_id: c, creative_id: x, duration_s: 1.5}"
    return f"- {{stand_id: {stand_id}, cameras: [{cameras}], playlist: {{slots: [{slot}]}}}}\n"


def frame_of(event: Any) -> tuple[str, str, int] | StreamEnded:
    if isinstance(event, FrameCaptured):
        return event.stand_id, event.camera_id, event.frame_index
    assert isinstance(event, StreamEnded)
    return event


def once(messages: list[Arrived], stand_id: str) -> list[object]:
    """A stand's messages in their order, repeated ones left out."""
    return list(dict.fromkeys(frame_of(each.event) for each in messages if each.key == stand_id))


def pictures(path: Path) -> Iterator[Pixels]:
    camera = open_camera(parse_source(str(path)), CaptureOptions(), decode=decode)
    while isinstance(grab := camera.read(), Grab):
        yield grab.picture
    camera.close()


def test_everything_arrives_in_order_and_decodes_to_the_same_pixels(site: Site, film: Path) -> None:
    site.configure(stand("door", film, film) + stand("window", film))
    found = site.finished(site.capture("data"))
    assert (found["frames"]["published"], found["frames"]["dropped"]) == (3 * FRAMES, 0)
    arrived = site.read("frames")
    both = [("door", f"camera-{n}", index) for index in range(FRAMES) for n in (1, 2)]
    assert [frame_of(each.event) for each in arrived if each.key == "door"] == [
        *both,
        StreamEnded(stand_id="door"),
    ]
    window = [each for each in arrived if each.key == "window"]
    assert [frame_of(each.event) for each in window][-1] == StreamEnded(stand_id="window")
    for each, expected in zip(window, pictures(film), strict=False):
        assert each.event.encoding == "png"
        assert np.array_equal(decode(each.event.picture), expected)
        assert (each.event.width_px, each.event.height_px) == (160, 120)
        assert each.captured_us is not None
        assert abs(each.captured_us / 1e6 - time.time()) < 300
    assert [each.event.t_us - window[0].event.t_us for each in window[:-1]] == [
        index * 100_000 for index in range(FRAMES)
    ]


def test_a_play_is_in_the_topic_before_the_frames_in_which_it_runs(site: Site, film: Path) -> None:
    site.configure(stand("door", film))
    site.finished(site.capture("data"))
    plays = site.read("plays")
    assert [play.event.start_us for play in plays] == [
        plays[0].event.start_us + 1_500_000 * number for number in range(10)
    ]
    assert not any(play.repeated for play in plays)
    frames = [each for each in site.read("frames") if isinstance(each.event, FrameCaptured)]
    for play in plays:
        later = [each.at_ms for each in frames if each.event.t_us >= play.event.start_us]
        assert play.at_ms <= min(later)


@pytest.mark.slow
def test_after_kills_at_random_moments_the_topic_equals_an_undisturbed_one(
    site: Site, film: Path, record_property: Any
) -> None:
    seed = random.randrange(10**6)
    record_property("seed", seed)
    chance = random.Random(seed)
    site.configure(stand("door", film, film) + stand("window", film), publish="{in_flight_messages: 20}")
    for kill_at in sorted(chance.sample(range(5, 3 * FRAMES - 20), k=3)):
        process = site.capture("data")
        site.wait_for(kill_at)
        process.kill()
        process.wait()
    found = site.finished(site.capture("data"))
    assert found["frames"]["sent_before"] > 0, f"seed {seed}"
    killed, plays = site.read("frames"), site.read("plays")
    whole = Site(site.folder, site.kafka, f"{site.names.prefix}w")
    whole.configure(stand("door", film, film) + stand("window", film))
    whole.finished(whole.capture("whole"))
    expected, expected_plays = whole.read("frames"), whole.read("plays")
    for stand_id in ("door", "window"):
        assert once(killed, stand_id) == once(expected, stand_id), f"seed {seed}"
        assert _plays(plays, stand_id) == _plays(expected_plays, stand_id), f"seed {seed}"
    by_frame = {frame_of(each.event): each.event for each in expected}
    assert all(by_frame[frame_of(each.event)] == each.event for each in killed), "repeated, not altered"
    assert len(killed) <= len(expected) + 3 * 3 * 60, "only what was in flight or not yet noted comes twice"


def _plays(messages: list[Arrived], stand_id: str) -> list[Play]:
    seen: dict[Play, bool] = {}
    for each in messages:
        if each.key == stand_id:
            assert each.event not in seen or each.repeated, "a play sent again says so"
            seen[each.event] = True
    return list(seen)


def test_a_recording_that_was_sent_says_so_and_can_be_sent_again(site: Site, film: Path) -> None:
    site.configure(stand("door", film))
    site.finished(site.capture("data"))
    again = onlooker("capture", "--config", site.config, "--data-dir", site.folder / "data", "--json")
    assert again.code == 0
    assert "--from-start" in again.err
    assert again.json()["frames"]["captured"] == 0
    assert site.finished(site.capture("data", "--from-start"))["frames"]["published"] == FRAMES


def test_a_recording_whose_frames_were_deleted_with_their_topic_is_sent_again(site: Site, film: Path) -> None:
    site.configure(stand("door", film))
    site.finished(site.capture("data"))
    names = [site.names.name(topic) for topic in ("frames", "plays")]
    with closing(site.kafka.admin()) as admin:
        admin.delete_topics(names)
        wait_until(lambda: not set(names) & set(admin.list_topics()), words="the topics are deleted")
    create_topics(site.config)
    assert site.finished(site.capture("data"))["frames"]["published"] == FRAMES
    assert all(play.repeated for play in site.read("plays")), "whoever had read them before knows them"
    again = site.finished(site.capture("data"))
    assert again["frames"]["captured"] == 0, "they lie there now"


def test_two_captures_with_one_data_directory_do_not_run(site: Site, film: Path) -> None:
    site.configure(stand("door", film))
    process = site.capture("data", "--pace", "real")
    try:
        lock = site.folder / "data" / "capture" / "lock"
        wait_until(lambda: lock.exists() and lock.read_text().strip().isdigit(), words="the lock is taken")
        second = onlooker("capture", "--config", site.config, "--data-dir", site.folder / "data")
        assert second.code == 2
        assert f"in use by process {process.pid}" in second.err
    finally:
        process.kill()
        process.wait()


def test_a_missing_topic_is_named_with_its_mend(site: Site, film: Path) -> None:
    refused = onlooker("capture", "--source", film, "--bootstrap", site.kafka.bootstrap)
    assert refused.code == 2
    assert "There is no topic frames.v1" in refused.err
    assert "onlooker topics create" in refused.err


def test_a_picture_larger_than_a_message_arrives_smaller(site: Site, tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (1500, 2000, 3), dtype=np.uint8)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in (1, 2):
        cv2.imwrite(str(folder / f"{number}.png"), noise)
    site.configure(stand("door", folder), capture="{folder_fps: 1}")
    assert site.finished(site.capture("data"))["frames"]["published"] == 2
    first, second, _ = site.read("frames")
    assert first.event.encoding == second.event.encoding == "jpeg"
    assert decode(first.event.picture).shape == (1500, 2000, 3)
    assert 2e6 < len(first.event.picture) <= 4 * 1024 * 1024


def test_a_client_that_breaks_is_replaced_and_nothing_is_missing(site: Site) -> None:
    site.configure(stand("door", "0"))
    broker = BrokerOptions(bootstrap=site.kafka.bootstrap, prefix=site.names.prefix)
    options = PublishOptions(request_timeout_s=3)
    clients: list[KafkaClient] = []

    def connect() -> KafkaClient:
        clients.append(KafkaClient(broker, options, ("frames", "plays")))
        return clients[-1]

    publisher = Publisher(connect, options)
    for number in range(200):
        _offer(publisher, number)
    clients[0].abandon()
    for number in range(200, 400):
        _offer(publisher, number)
    assert publisher.close(PATIENCE_S) == []
    assert len(clients) == 2
    assert [each.message.mark for each in publisher.settled()] == list(range(400))
    arrived = [each.event.start_us for each in site.read("plays")]
    assert list(dict.fromkeys(arrived)) == list(range(400))


def _offer(publisher: Publisher, number: int) -> None:
    play = Play(
        play_id=derive_id("play", number),
        stand_id="door",
        campaign_id="c",
        creative_id="x" * 128,
        start_us=number,
        end_us=number + 1,
    )
    about = About(producer="test", produced_us=1)
    value = CODEC.encode(play)
    message = Message(topic="plays", stand_id="door", value=value, about=about, mark=number)
    assert publisher.offer(message)


def test_sigterm_flushes_and_leaves_the_stand_open(site: Site, film: Path) -> None:
    site.configure(stand("door", film))
    process = site.capture("data", "--pace", "real")
    site.wait_for(10)
    process.send_signal(signal.SIGTERM)
    found = site.finished(process)
    assert found["interrupted"] is True
    assert set(found["frames"]["dropped_by_cause"]) <= {"stopped", "closed"}
    arrived = site.read("frames")
    assert len(arrived) == found["frames"]["published"]
    assert not any(isinstance(each.event, StreamEnded) for each in arrived)
    rest = site.finished(site.capture("data"))
    assert once(site.read("frames"), "door")[-1] == StreamEnded(stand_id="door")
    indices = [each for each in once(site.read("frames"), "door") if isinstance(each, tuple)]
    assert [index for _, _, index in indices] == sorted(index for _, _, index in indices)
    assert rest["frames"]["sent_before"] == len(arrived)


@pytest.mark.slow
def test_a_recording_waits_for_a_broker_that_is_away_and_loses_nothing(site: Site, film: Path) -> None:
    site.configure(
        stand("door", film), publish="{request_timeout_s: 3, away_after_s: 1, in_flight_bytes: 500000}"
    )
    process = site.capture("data")
    site.wait_for(10)
    site.kafka.pause(0)
    try:
        time.sleep(7.0)  # longer than two time-outs of requests: that is what is tried
        assert process.poll() is None
    finally:
        site.kafka.resume(0)
    found = site.finished(process)
    assert (found["frames"]["published"], found["frames"]["dropped"]) == (FRAMES, 0)
    indices = [each.event.frame_index for each in site.read("frames")[:-1]]
    assert indices == list(range(FRAMES)), "in order, and exactly once"


@pytest.mark.slow
def test_a_live_camera_drops_and_counts_while_the_broker_is_away(site: Site) -> None:
    camera = MjpegServer(value=30)
    site.configure(
        stand("door", f"http://127.0.0.1:{camera.port}/"),
        publish="{request_timeout_s: 3, away_after_s: 1, in_flight_bytes: 20000}",
        capture="{buffer_frames: 16, identical_s: 600}",
    )
    process = site.capture("data")
    try:
        site.wait_for(20)
        before_bytes = memory_bytes(process)
        site.kafka.pause(0)
        try:
            time.sleep(7.0)  # the outage
            grown_bytes = memory_bytes(process) - before_bytes
        finally:
            site.kafka.resume(0)
        away = site.count("frames")
        site.wait_for(away + 100)
        process.send_signal(signal.SIGTERM)
        found = site.finished(process)
    finally:
        process.kill()
        process.wait()
        camera.die()
    assert found["frames"]["dropped_by_cause"]["drop_oldest"] > 50
    assert grown_bytes < 50e6
    arrived = [each.event for each in site.read("frames")]
    assert all(event.encoding == "jpeg" for event in arrived)
    times_us = [event.t_us for event in arrived]
    assert times_us == sorted(set(times_us))
    assert max(np.diff(times_us)) > 4e6, "the gap is where the broker was away"


def memory_bytes(process: subprocess.Popen[str]) -> int:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * 4096


@pytest.mark.slow
def test_one_dead_broker_of_three_costs_nothing(
    kafka_cluster: KafkaCluster, topic_prefix: str, tmp_path: Path, film: Path
) -> None:
    site = Site(tmp_path, kafka_cluster, topic_prefix)
    site.configure(stand("door", film) + stand("window", film))
    process = site.capture("data", "--pace", "real")
    site.wait_for(20)
    kafka_cluster.kill(1)
    try:
        assert onlooker("topics", "check", "--config", site.config).code == 0
        found = site.finished(process)
    finally:
        kafka_cluster.restart(1)
    assert found["frames"]["captured"] == 2 * FRAMES
    for stand_id in ("door", "window"):
        frames = [each for each in once(site.read("frames"), stand_id) if isinstance(each, tuple)]
        indices = [index for _, _, index in frames]
        assert indices == sorted(indices)
    assert len(site.read("frames")) >= found["frames"]["published"] + 2
