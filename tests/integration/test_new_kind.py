"""A kind of fact made up here goes everywhere: its Struct, schema, table and entry are all it takes."""

import json
import shutil
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from onlooker.recordings.checks import problems
from onlooker.recordings.digest import StreamDigest
from onlooker.recordings.expect import Expected
from onlooker.wiring.replay_core import LocalCore
from producers.replay.send import ReplaySender, Sending, replayed_topics
from schemas import kinds as table_of_kinds
from schemas.bounds import Count, Id, InstantUs
from schemas.dead_letters import DeadLetterOptions
from schemas.errors import CheckFailedError, UndecodableError
from schemas.events import Play
from schemas.ids import derive_id
from schemas.kinds import Kind, Kinds, kinds
from schemas.message import PRODUCER
from schemas.metrics import NoMeter, NoPulse
from schemas.recording.folder import Recording
from schemas.tables import table
from schemas.topics import TopicNames
from schemas.wire import avsc
from schemas.wire.codec import AvroCodec
from schemas.wire.registry import FileRegistry
from sinks.recording.reading import recorded_of
from sinks.recording.source import Arrived
from sinks.service.batch_writer import BatchWriter, Reporting
from sinks.service.feed import Message
from sinks.service.gathering import Gathering
from sinks.service.known import Remembered
from sinks.service.local import LocalSink
from sinks.service.offsets import Start
from sinks.service.options import SinkOptions
from sinks.service.reading import FactReader, Limits
from sinks.store.clickhouse import ClickHouse
from sinks.store.embedded.server import EmbeddedServer
from sinks.store.migrate import migrate, released
from tests.event_samples import plain, samples
from tests.facts import T0_US, play
from tests.recordings import HandClock, writer
from tests.release import pinned
from tests.sink_model import ModelLetters

TP = ("purchases.v1", 0)


class CouponUsed(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon that was redeemed at a stand."""

    coupon_id: UUID
    stand_id: Id
    used_us: InstantUs
    waited_us: Count
    version: Count


TYPES = {
    "coupon_id": "string",
    "stand_id": "string",
    "used_us": "long",
    "waited_us": "long",
    "version": "long",
}
SCHEMA = {
    "type": "record",
    "name": "CouponUsed",
    "namespace": "onlooker.v1",
    "fields": [{"name": name, "type": type_} for name, type_ in TYPES.items()],
}
SQL = """CREATE TABLE coupons_used (coupon_id UUID, stand_id String, used_at DateTime64(6, 'UTC'),
    waited_ms UInt64, version UInt64, _topic String, _partition Int32, _offset Int64,
    _inserted_at DateTime64(6, 'UTC') MATERIALIZED now64(6, 'UTC'))
    ENGINE = ReplacingMergeTree(version) ORDER BY (stand_id, used_at, coupon_id)
    SETTINGS non_replicated_deduplication_window = 10000"""
KIND = Kind(
    event=CouponUsed,
    topics=("purchases",),
    time_us=attrgetter("used_us"),
    measured=True,
    id=attrgetter("coupon_id"),
    version=attrgetter("version"),
    near="stand_id",
    since="used_at",
    tables=(table("coupons_used", CouponUsed, "coupon_id stand_id used_at waited_ms version"),),
)


def coupon(number: int, version: int = 1) -> CouponUsed:
    return CouponUsed(
        coupon_id=derive_id("coupon", number),
        stand_id="entrance",
        used_us=T0_US + number,
        waited_us=2_999 + number,
        version=version,
    )


class Redeeming:
    """A stage in which every play makes somebody use a coupon."""

    def new_state(self, stand_id: str) -> int:
        return 0

    def step(self, state: int, event: Any) -> tuple[int, tuple[Any, ...]]:
        return (state + 1, (coupon(state),)) if isinstance(event, Play) else (state, ())


@pytest.fixture(autouse=True)
def codec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AvroCodec:
    """The kinds and schemas of this program and one more, released as any other is."""
    folder = tmp_path / "avro"
    shutil.copytree(avsc.FOLDER, folder)
    (folder / "coupon_used.avsc").write_text(json.dumps(SCHEMA))
    pinned(CouponUsed, folder)
    monkeypatch.setattr(avsc, "FOLDER", folder)
    monkeypatch.setattr(table_of_kinds, "_KINDS", Kinds((*kinds().all, KIND)))
    return AvroCodec(FileRegistry(folder))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    with EmbeddedServer(tmp_path_factory.mktemp("kind") / "data") as server:
        client = ClickHouse(server.address())
        migrate(client, released())
        client.command(SQL)
        yield client
        client.close()


def rows(store: ClickHouse) -> list[tuple[Any, ...]]:
    return store.rows(
        "SELECT coupon_id, stand_id, toUnixTimestamp64Micro(used_at), waited_ms, version FROM coupons_used "
        "ORDER BY used_at, version"
    )


def row_of(fact: CouponUsed) -> tuple[Any, ...]:
    return fact.coupon_id, fact.stand_id, fact.used_us, fact.waited_us // 1000, fact.version


def core_with(**options: Any) -> LocalCore:
    return LocalCore({"measure": Redeeming()}, "observations", **options)


def fed(core: LocalCore, count: int = 3) -> LocalCore:
    for number in range(count):
        core.emit("plays", play(f"p{number}"))
    core.end(whole=True)
    return core


def batches(codec: AvroCodec, facts: list[CouponUsed], *, first: int = 0, incarnation: str = "one") -> Any:
    """Facts as messages, read and gathered as the sink does it."""
    gathering = Gathering(
        TP, incarnation, Start(lo=first, read_from=first), options=SinkOptions(), clock=lambda: 0.0
    )
    for offset, fact in enumerate(facts, start=first):
        message = Message(offset=offset, key=b"entrance", value=codec.encode(fact), repeated=True)
        gathering.add(FactReader(codec, TopicNames()).read(TP, message, T0_US, incarnation=incarnation))
    batch = gathering.take(T0_US)
    assert batch is not None
    return batch


def batch_writer(store: ClickHouse) -> BatchWriter:
    return BatchWriter(
        store,
        ModelLetters(lambda step: None),
        memory=Remembered(10),
        limits=Limits(DeadLetterOptions(), NoPulse()),
        reporting=Reporting(meter=NoMeter(), writer="test"),
    )


def test_a_message_carries_it_and_only_on_its_topic(codec: AvroCodec) -> None:
    message = codec.encode(coupon(1))
    assert message[1:5] == (FileRegistry().pins[-1].id + 1).to_bytes(4), "the next id"
    assert codec.decode(message) == coupon(1)
    assert codec.decode(codec.encode(samples()[-1])) == plain(CouponUsed)
    elsewhere = Message(offset=0, key=b"entrance", value=message)
    reader = FactReader(codec, TopicNames())
    letter = reader.read(("visits.v1", 0), elsewhere, T0_US, incarnation="one").letter
    assert letter is not None
    assert letter.detail == "The topic visits carries VisitEnded, this is a CouponUsed."
    with pytest.raises(UndecodableError):
        codec.decode(message[:-1])


@pytest.mark.clickhouse
def test_the_sink_writes_it_and_finds_it_again(store: ClickHouse, codec: AvroCodec) -> None:
    store.command("TRUNCATE TABLE coupons_used")
    facts = [coupon(1), coupon(2), coupon(3)]
    done = batch_writer(store).write(batches(codec, facts))
    assert (done.rows, done.repeated) == ({"coupons_used": 3}, 0)
    assert rows(store) == [row_of(fact) for fact in facts]
    again = batch_writer(store).write(batches(codec, [*facts, coupon(3, version=2), coupon(4)], first=3))
    assert (again.rows, again.repeated) == ({"coupons_used": 2}, 3)
    assert rows(store) == [row_of(fact) for fact in (*facts, coupon(3, version=2), coupon(4))]


@pytest.mark.clickhouse
def test_the_sink_finds_it_again_at_the_same_offsets_of_a_topic_made_anew(
    store: ClickHouse, codec: AvroCodec
) -> None:
    """Rows that lie at a batch's offsets are its own only if they were written since the topic was made."""
    store.command("TRUNCATE TABLE coupons_used")
    facts = [coupon(number) for number in range(10, 15)]
    batch_writer(store).write(batches(codec, facts))
    shuffled = [facts[3], coupon(20), *facts[:3]]
    done = batch_writer(store).write(batches(codec, shuffled, incarnation="two"))
    assert (done.rows, done.repeated) == ({"coupons_used": 1}, 4)
    again = batch_writer(store).write(batches(codec, shuffled, incarnation="two"))
    assert again.repeated == 4, "its own rows do not count: it may have been written in part"
    assert rows(store) == [row_of(fact) for fact in (*facts, coupon(20))]


@pytest.mark.clickhouse
def test_a_run_in_one_process_delivers_it(store: ClickHouse) -> None:
    store.command("TRUNCATE TABLE coupons_used")
    sink = LocalSink(store, run_id="run")
    fed(core_with(writer=sink))
    assert sink.rows == {"plays": 3, "coupons_used": 3}
    assert rows(store) == [row_of(coupon(number)) for number in range(3)]


def recorded(folder: Path, codec: AvroCodec, *facts: CouponUsed) -> Path:
    with writer(folder, HandClock(T0_US)) as recording:
        for offset, fact in enumerate(facts):
            recording.add(
                recorded_of(
                    Arrived(
                        tp=("purchases", 0),
                        offset=offset,
                        arrived_us=T0_US,
                        key=b"entrance",
                        value=codec.encode(fact),
                        headers=[(PRODUCER, b"test")],
                    ),
                    codec,
                )
            )
    return folder


def test_a_recording_holds_it(tmp_path: Path, codec: AvroCodec) -> None:
    facts = [coupon(number) for number in range(3)]
    folder = recorded(tmp_path / "r", codec, *facts)
    assert list(problems(folder)) == []
    found = list(Recording(folder).records("purchases"))
    assert [record.event for record in found] == facts
    assert [record.t_us for record in found] == [fact.used_us for fact in facts]
    assert {record.stand_id for record in found} == {"entrance"}


def test_a_replay_must_make_it_again(tmp_path: Path, codec: AvroCodec) -> None:
    lines = tmp_path / "facts.jsonl"
    with lines.open("wb") as output:
        first = fed(core_with(output=output))
    digest = StreamDigest()
    for number in range(3):
        digest.take("purchases", coupon(number))
    assert first.digest.facts() == digest.facts() != StreamDigest().facts()
    recording = recorded(tmp_path / "r", codec, *(coupon(number) for number in range(3)))
    for expected in (lines, recording):
        fed(core_with(expected=Expected(expected)))
        with pytest.raises(CheckFailedError, match="purchases of the stand entrance, number 4"):
            fed(core_with(expected=Expected(expected)), count=4)
        with pytest.raises(CheckFailedError, match="did not come"):
            fed(core_with(expected=Expected(expected)), count=2)


class Taking:
    """A publisher whose brokers take everything at once."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    def offer(self, message: Any) -> bool:
        self.taken.append(message)
        return True

    def settled(self) -> list[Any]:
        return []


def test_a_replay_sends_it_to_kafka(codec: AvroCodec) -> None:
    publisher: Any = Taking()
    sending = Sending(
        publisher=publisher, codec=codec, producer="test", clock_us=lambda: 1, stopped=lambda: False
    )
    ReplaySender(sending).emit("purchases", coupon(1))
    (sent,) = publisher.taken
    assert (sent.topic, sent.stand_id, codec.decode(sent.value)) == ("purchases", "entrance", coupon(1))
    assert "purchases" in replayed_topics()
