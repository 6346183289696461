"""A hundred hostile messages a topic: each is set aside with bytes and cause, and the stream goes on."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from onlooker.models.cache import ModelCache
from onlooker.wiring import cache_dir
from processors.measure.stage import MeasureStage
from processors.runtime.local import LocalRuntime
from processors.thresholds import MeasureOptions
from processors.topology import topic_of
from schemas.broker import BrokerOptions
from schemas.events import DeadLetter, FaceObservations, FrameCaptured, MeasureInput, Play, VisitEnded
from schemas.topics import Topic
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry
from sinks.store.address import Address
from sinks.store.clickhouse import ClickHouse, create_database
from sinks.store.embedded.server import EmbeddedServer
from sinks.store.migrate import migrate, released
from tests.brokers import KafkaCluster
from tests.chaos.expected import Blind, write_synthetic
from tests.chaos.tables import IDS, differences, views
from tests.e2e.command import onlooker
from tests.hostile import Hostile, Malice, good_letter, jpeg
from tests.services import Services, is_drained, lag, services, wait_until
from tests.streams import StreamOptions, synthetic
from tests.topics import create_topics

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.clickhouse,
    pytest.mark.models,
    pytest.mark.slow,
    pytest.mark.timeout(600),
]

PREFIX = "hostile"
PARTITIONS = 2
TOPICS: tuple[Topic, ...] = (
    "frames",
    "observations",
    "plays",
    "visits",
    "campaign_windows",
    "dead_letters",
)
A_TOPIC = 100
STREAM = StreamOptions(observations=4000, seed=5, stands=4)
DRAINING = (
    ("observe", ("frames",)),
    ("measure", ("observations", "plays")),
    ("sink", ("visits", "plays", "campaign_windows")),
    ("sink", ("dead_letters",)),
)
CODEC = AvroCodec(FileRegistry())
MARKS = (b"\xff\xd8\xff", b"\x89PNG\r\n")
"""How the pictures begin that were sent; a letter holds none."""
Where = tuple[str, int, int]
"""Topic as the broker names it, partition, offset."""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A site that good and hostile messages went through."""

    broker: BrokerOptions
    server: EmbeddedServer
    config: Path
    running: Services
    sent: dict[Where, Hostile]


def samples() -> dict[Topic, Any]:
    """A good event of every topic."""
    found: dict[Topic, Any] = {}
    runtime = LocalRuntime(
        {"observe": Blind(), "measure": MeasureStage(MeasureOptions())},
        lambda delivery: found.update({delivery.topic: delivery.event}),
    )
    for event in synthetic(STREAM):
        runtime.publish(topic_of(event), event.stand_id, event)
        if isinstance(event, FaceObservations):
            found["observations"] = event
    found["observations"] = next(
        each for each in synthetic(STREAM) if isinstance(each, FaceObservations) and each.faces
    )
    found["frames"] = FrameCaptured(
        stand_id="recorded",
        camera_id="camera-1",
        frame_index=10_000_000,
        t_us=1,
        width_px=640,
        height_px=480,
        encoding="jpeg",
        picture=jpeg(640, 480),
    )
    found["dead_letters"] = good_letter(f"{PREFIX}.frames.v1")
    return found


def write_config(folder: Path, broker: BrokerOptions, address: Address) -> Path:
    """Two partitions, one recording."""
    clip = ModelCache(cache_dir()).sample_path("single_face.mp4")
    url = f"clickhouse://{address.user}:{address.password}@{address.host}:{address.port}/{address.database}"
    path = folder / f"{address.database}.yaml"
    path.write_text(
        f"data_dir: {folder / address.database}\n"
        f"kafka: {{bootstrap: '{broker.bootstrap}', prefix: {broker.prefix}}}\n"
        f"topics: {{partitions: {PARTITIONS}, replication: 1}}\n"
        f"clickhouse: {{url: '{url}'}}\n"
        f"stands: [{{stand_id: recorded, cameras: [{{source: {clip}, start_at: 2026-03-02T10:00:00Z}}]}}]\n",
        encoding="utf-8",
    )
    return path


def send_all(broker: BrokerOptions, good: list[MeasureInput]) -> dict[Where, Hostile]:
    """Good and hostile messages, mixed; where each hostile one lies."""
    malice = Malice(CODEC, samples())
    hostile = {topic: iter(malice.messages(topic, A_TOPIC)) for topic in TOPICS}
    producer = KafkaProducer(
        bootstrap_servers=broker.bootstrap, acks="all", max_request_size=4 << 20, linger_ms=5
    )
    sent: dict[Where, Hostile] = {}
    size = -(-len(good) // A_TOPIC)
    for number in range(A_TOPIC):
        for event in sorted(
            good[number * size : (number + 1) * size], key=lambda each: not isinstance(each, Play)
        ):
            name = broker.topics.name(topic_of(event))
            future = producer.send(name, key=event.stand_id.encode(), value=CODEC.encode(event))
            if isinstance(event, Play):
                future.get(30)
        futures = []
        for topic in TOPICS:
            for message in islice(hostile[topic], 1):
                futures.append(
                    (message, producer.send(broker.topics.name(topic), key=message.key, value=message.value))
                )
        for message, future in futures:
            found = future.get(30)
            sent[(found.topic, found.partition, found.offset)] = message
    producer.flush()
    producer.close()
    return sent


@pytest.fixture(scope="module")
def site(
    kafka: KafkaCluster, model_paths: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Everything has been handled."""
    assert model_paths
    folder = tmp_path_factory.mktemp("hostile")
    broker = BrokerOptions(bootstrap=kafka.bootstrap, prefix=PREFIX)
    good = list(synthetic(STREAM))
    with EmbeddedServer(folder / "server") as server:
        config = write_config(folder, broker, server.address())
        create_topics(config)
        undisturbed = msgspec.structs.replace(server.address(), database="undisturbed")
        create_database(undisturbed)
        store = ClickHouse(undisturbed)
        migrate(store, released())
        write_synthetic(store, good)
        with services(folder, config) as running:
            running.start("sink", "sink")
            running.start("measure", "work", "--role", "measure")
            running.start("observe", "work", "--role", "observe")
            running.start("capture", "capture", "--json")
            sent = send_all(broker, good)
            assert running.finished("capture") == 0, running.log("capture")
            ran = onlooker("run", "--config", write_config(folder, broker, undisturbed), "--json")
            assert ran.code == 0, ran.err
            for service, topics in DRAINING:
                wait_until(
                    lambda service=service, topics=topics: drained(broker, running, service, topics),  # type: ignore[misc]
                    f"{service} has drained {topics}",
                    timeout_s=240,
                )
            yield Site(broker=broker, server=server, config=config, running=running, sent=sent)


def drained(broker: BrokerOptions, running: Services, service: str, topics: tuple[Topic, ...]) -> bool:
    running.check()
    return is_drained(broker, service, topics)


def assert_kept(where: Where, each: Hostile, kept: bytes, detail: str) -> None:
    """A letter holds its message; of one with a picture in it only what lies before, and it says so."""
    message = each.value or b""
    assert message.startswith(kept), where
    if kept == message:
        assert not any(mark in message for mark in MARKS), where
        assert "bytes are kept" not in detail, where
        return
    assert f"(the first {len(kept)} of {len(message)} bytes are kept: no picture is)" in detail, where
    assert not any(mark in kept for mark in MARKS), where
    if each.what == "noise":  # it may look like a picture anywhere
        return
    pictured = any(mark in message for mark in MARKS) or ".frames." in where[0]
    assert pictured, f"{where}: nothing else is left out"
    assert len(kept) < 600, where


def test_every_hostile_message_lies_in_the_table_with_its_bytes_and_a_cause(site: Site) -> None:
    rows = ClickHouse(site.server.address()).rows(
        "SELECT topic, partition, offset, cause, hex(key), hex(value), isNull(value), detail "
        "FROM v_dead_letters"
    )
    found = {(topic, partition, offset): rest for topic, partition, offset, *rest in rows}
    assert len(site.sent) == A_TOPIC * len(TOPICS)
    missing = {where: each.what for where, each in site.sent.items() if where not in found}
    assert not missing
    for where, each in site.sent.items():
        cause, key, value, has_none, detail = found[where]
        assert bytes.fromhex(key or "") == (each.key or b""), where
        assert_kept(where, each, bytes.fromhex(value or ""), detail)
        assert has_none == (each.value is None), where
        assert cause, where
        assert not each.causes or cause in each.causes, f"{each.what} at {where}: {cause}"


def test_nothing_else_was_set_aside(site: Site) -> None:
    rows = ClickHouse(site.server.address()).rows(
        "SELECT topic, partition, offset, cause, detail FROM v_dead_letters"
    )
    strangers = [row for row in rows if tuple(row[:3]) not in site.sent]
    assert not strangers


def test_the_topic_of_dead_letters_holds_them_too(site: Site) -> None:
    """But for what lay in that topic itself: sent there again it would come round for ever."""
    name = site.broker.topics.name("dead_letters")
    consumer = KafkaConsumer(
        bootstrap_servers=site.broker.bootstrap, consumer_timeout_ms=5000, check_crcs=False
    )
    places = [TopicPartition(name, number) for number in range(PARTITIONS)]
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    own = {(where[1], where[2]) for where in site.sent if where[0] == name}
    letters = {}
    for message in consumer:
        if (message.partition, message.offset) not in own:
            letter = CODEC.decode(message.value)
            assert isinstance(letter, DeadLetter)
            letters[(letter.topic, letter.partition, letter.offset)] = letter
    consumer.close()
    elsewhere = {where: each for where, each in site.sent.items() if where[0] != name}
    assert set(letters) == set(elsewhere)
    for where, each in elsewhere.items():
        assert_kept(where, each, letters[where].value or b"", letters[where].detail)


@pytest.mark.parametrize("table", IDS)
def test_the_good_stream_is_all_there(site: Site, table: str) -> None:
    found = differences(ClickHouse(site.server.address()), table, "undisturbed")
    assert not found, "\n".join(map(str, found))


def test_the_reports_are_those_of_the_good_stream(site: Site) -> None:
    store = ClickHouse(site.server.address())
    names = views(store)
    assert "v_campaign_report" in names
    found = [each for name in names for each in differences(store, name, "undisturbed")]
    assert not found, "\n".join(map(str, found))


def test_every_service_still_runs(site: Site) -> None:
    running = {name: process.poll() for name, process in site.running.processes.items()}
    assert running == {"sink": None, "measure": None, "observe": None, "capture": 0}


def test_every_kind_of_malice_was_tried(site: Site) -> None:
    kinds = Counter(each.what for each in site.sent.values())
    assert len(kinds) >= 11
    assert min(kinds.values()) >= 9


@pytest.mark.parametrize(
    ("service", "arguments", "topic"),
    [
        ("observe", ("work", "--role", "observe"), "frames"),
        ("measure", ("work", "--role", "measure"), "observations"),
        ("sink", ("sink",), "visits"),
    ],
)
def test_a_service_stops_when_nearly_everything_is_bad(
    kafka: KafkaCluster,
    tmp_path: Path,
    topic_prefix: str,
    service: str,
    arguments: tuple[str, ...],
    topic: Topic,
) -> None:
    """A wrong set-up must not drain a topic into dead letters: exit 4, and nothing more is committed."""
    broker = BrokerOptions(bootstrap=kafka.bootstrap, prefix=topic_prefix)
    with (
        EmbeddedServer(tmp_path / "server") as server,
        services(tmp_path, tmp_path / "onlooker.yaml") as running,
    ):
        config = write_config(tmp_path, broker, server.address())
        part = "sink" if service == "sink" else "work"
        with config.open("a", encoding="utf-8") as file:
            file.write(f"{part}: {{dead_letters: {{max_consecutive: 50}}}}\n")
        create_topics(config)
        producer = KafkaProducer(bootstrap_servers=broker.bootstrap, acks="all")
        for number in range(400):
            producer.send(broker.topics.name(topic), key=b"stand", value=f"junk {number}".encode())
        producer.flush()
        producer.close()
        process = running.start(service, *arguments)
        assert process.wait(120) == 4, running.log(service)
        assert "dead letters" in running.log(service)
        assert lag(broker, service, (topic,)) > 0, "what was not handled is not committed"


def test_visits_carry_what_was_measured(site: Site) -> None:
    """The good stream had something to lose."""
    (visits,) = ClickHouse(site.server.address()).rows("SELECT count() FROM v_visits")[0]
    assert visits > 20
    assert isinstance(samples()["visits"], VisitEnded)
