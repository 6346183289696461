"""OBSERVE as a service: from lossless frames the observations of the embedded run, past kills too."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import pytest
from kafka import KafkaProducer

from onlooker.models.cache import ModelCache
from onlooker.settings.configuration import Settings
from onlooker.wiring import cache_dir
from onlooker.wiring.perception import build_networks, build_observer
from processors.observe.stage import ObserveStage
from schemas.events import DeadLetter, FaceObservations, FrameCaptured, StreamEnded
from schemas.frames import Frame
from schemas.message import About
from schemas.ports import Pixels
from tests.brokers import KafkaCluster
from tests.hostile import png
from tests.services import Services, lag, services, wait_until
from tests.work_stream import Stream

pytestmark = [pytest.mark.kafka, pytest.mark.models, pytest.mark.slow]
START_US = 1_772_445_600_000_000
PERIOD_US = 100_000
FRAMES = 60
STANDS = ("left", "right")


@pytest.fixture(scope="module")
def film(model_paths: Mapping[str, Path]) -> list[Pixels]:
    """The first seconds of one woman."""
    assert model_paths
    video = cv2.VideoCapture(str(ModelCache(cache_dir()).sample_path("WolfgangLanger_Pexels.mp4")))
    pictures: list[Any] = [video.read()[1] for _ in range(FRAMES)]
    return [cv2.resize(picture, (480, 270)) for picture in pictures]


@pytest.fixture(scope="module")
def wanted(film: list[Pixels]) -> dict[str, list[FaceObservations]]:
    """What the embedded run observes."""
    networks = build_networks(Settings())
    stage = ObserveStage(build_observer(Settings(), networks), networks.model_version)
    found: dict[str, list[FaceObservations]] = {}
    for stand in STANDS:
        state = stage.new_state(stand)
        for index, picture in enumerate(film):
            frame = Frame(
                stand_id=stand,
                camera_id="camera-1",
                frame_index=index,
                t_us=START_US + index * PERIOD_US,
                picture=picture,
                captured_monotonic_s=0.0,
            )
            state, (observation,) = stage.step(state, frame)
            found.setdefault(stand, []).append(observation)
    assert {len(each.faces) for each in found["left"]} == {1}
    return found


@pytest.fixture
def stream(kafka: KafkaCluster, topic_prefix: str, tmp_path: Path) -> Stream:
    return Stream(kafka, topic_prefix, tmp_path)


@pytest.fixture
def running(stream: Stream, tmp_path: Path) -> Iterator[Services]:
    with services(tmp_path, stream.config) as started:
        yield started


def show(stream: Stream, film: list[Pixels], frames: range) -> None:
    """Publish frames of both stands as capture does, as PNG so that nothing is lost."""
    producer = KafkaProducer(bootstrap_servers=stream.broker.bootstrap, max_request_size=4_000_000)
    for index in frames:
        picture = cv2.imencode(".png", film[index], [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
        for stand in STANDS:
            event = FrameCaptured(
                stand_id=stand,
                camera_id="camera-1",
                frame_index=index,
                t_us=START_US + index * PERIOD_US,
                width_px=480,
                height_px=270,
                encoding="png",
                picture=picture,
            )
            send(stream, producer, event)
    producer.flush()
    producer.close()


def send(stream: Stream, producer: KafkaProducer, event: FrameCaptured | StreamEnded) -> None:
    now_us = time.time_ns() // 1000
    producer.send(
        stream.broker.topics.name("frames"),
        key=event.stand_id.encode(),
        value=stream.codec.encode(event),
        headers=About(producer="test", produced_us=now_us, captured_us=now_us).headers(),
    )


def end(stream: Stream) -> None:
    producer = KafkaProducer(bootstrap_servers=stream.broker.bootstrap)
    for stand in STANDS:
        send(stream, producer, StreamEnded(stand_id=stand))
    producer.close()


def is_done(stream: Stream) -> bool:
    return lag(stream.broker, "observe", ("frames",)) == 0


def observed(stream: Stream) -> dict[str, list[Any]]:
    """What was observed at each stand, in order."""
    found: dict[str, list[Any]] = {}
    for record in stream.records(("observations",)):
        event = stream.codec.decode(record.value)
        found.setdefault(event.stand_id, []).append(event)
    return found


def observing(running: Services, name: str) -> None:
    running.start(name, "work", "--role", "observe")


def test_observations_are_those_of_the_embedded_run(
    stream: Stream, running: Services, film: list[Pixels], wanted: dict[str, list[FaceObservations]]
) -> None:
    show(stream, film, range(FRAMES))
    end(stream)
    observing(running, "one")
    wait_until(lambda: stream.count("observations") == 2 * FRAMES + 2, "all is observed")
    found = observed(stream)
    for stand in STANDS:
        assert found[stand] == [*wanted[stand], StreamEnded(stand_id=stand)]
    assert running.stop() == {"one": 0}


def test_a_killed_worker_is_followed_with_the_same_tracks(
    stream: Stream, running: Services, film: list[Pixels], wanted: dict[str, list[FaceObservations]]
) -> None:
    observing(running, "first")
    show(stream, film, range(30))
    wait_until(lambda: stream.count("observations") == 60, "the first half is observed")
    wait_until(lambda: is_done(stream), "the first half is kept")
    running.processes.pop("first").kill()
    observing(running, "second")
    show(stream, film, range(30, FRAMES))
    end(stream)
    wait_until(lambda: is_done(stream), "all is observed")
    found = observed(stream)
    for stand in STANDS:
        before, after = wanted[stand], found[stand][:-1]
        assert [each.observation_id for each in after] == [each.observation_id for each in before]
        assert {face.track_id for each in after for face in each.faces} == {
            face.track_id for each in before for face in each.faces
        }
        assert after[:30] == before[:30]
        assert found[stand][-1] == StreamEnded(stand_id=stand)


@pytest.mark.parametrize("stopped", [True, False])
def test_frames_of_a_topic_made_anew_are_observed(
    stream: Stream,
    running: Services,
    film: list[Pixels],
    wanted: dict[str, list[FaceObservations]],
    stopped: bool,
) -> None:
    """At the offsets that frames of the old one had, and past them; the tracks go on."""
    observing(running, "one")
    show(stream, film, range(20))
    wait_until(lambda: stream.count("observations") == 40, "the first frames are observed")
    wait_until(lambda: is_done(stream), "the first frames are kept")
    if stopped:
        assert running.stop() == {"one": 0}
        running.processes.clear()
    stream.make_anew(("frames",))
    show(stream, film, range(20, FRAMES))
    end(stream)
    if stopped:
        observing(running, "one")
    wait_until(lambda: stream.count("observations") >= 2 * FRAMES + 2, "all is observed")
    wait_until(lambda: is_done(stream), "all is kept")
    found = observed(stream)
    for stand in STANDS:
        assert [each.observation_id for each in found[stand][:-1]] == [
            each.observation_id for each in wanted[stand]
        ]
        (track_id,) = {face.track_id for each in found[stand][:-1] for face in each.faces}
        assert track_id == wanted[stand][0].faces[0].track_id
    assert running.stop() == {"one": 0}


def test_broken_and_huge_pictures_are_set_aside(
    stream: Stream, running: Services, film: list[Pixels]
) -> None:
    observing(running, "one")
    producer = KafkaProducer(bootstrap_servers=stream.broker.bootstrap)
    for number, picture in enumerate((png(60_000, 60_000), b"noise", b"\xff\xd8\xff\xe0cut short")):
        event = FrameCaptured(
            stand_id="left",
            camera_id="camera-1",
            frame_index=number,
            t_us=START_US - PERIOD_US * (9 - number),
            width_px=480,
            height_px=270,
            encoding="png",
            picture=picture,
        )
        send(stream, producer, event)
    producer.close()
    show(stream, film, range(3))
    wait_until(lambda: stream.count("observations") == 6, "the good pictures are observed")
    wait_until(lambda: stream.count("dead_letters") == 3, "the bad ones are set aside")
    letters = [stream.codec.decode(record.value) for record in stream.records(("dead_letters",))]
    assert {each.cause for each in letters} == {"bad_picture"}
    assert any("60000 x 60000" in each.detail for each in letters)
    assert all(isinstance(each, DeadLetter) and each.value for each in letters)
