"""No face template and no picture leaves its process: every topic, log and table is searched."""

import contextlib
import re
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import lz4.frame
import msgspec
import numpy as np
import pytest
from kafka import KafkaConsumer, TopicPartition

from onlooker.models.cache import ModelCache
from onlooker.people.store import open_store
from onlooker.settings.configuration import load_settings
from onlooker.wiring import cache_dir
from onlooker.wiring.perception import build_networks
from onlooker.wiring.run import build_run
from processors.observe.faculties import Faculties
from processors.observe.perception.template import TemplateExtractor
from processors.observe.scene import thumbnail
from processors.runtime.local import Delivery
from schemas.frames import Frame
from schemas.ports import Floats, Pixels
from sinks.store.clickhouse import ClickHouse
from tests.e2e.command import onlooker
from tests.refused import picture_of
from tests.services import end_offsets
from tests.site import MEMBER, Site, written

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.clickhouse,
    pytest.mark.models,
    pytest.mark.slow,
]

NUMBERS = 3
"""So many numbers in a row are a piece of a template: chance does not make them."""
PICTURES = (b"\xff\xd8\xff\xe0\x00\x10JFIF", b"\x89PNG\r\n", b"WEBPVP8")


class Recording(TemplateExtractor):
    """Keeps every template that perception makes."""

    def __init__(self, inner: TemplateExtractor, kept: list[Floats]) -> None:
        self._inner = inner
        self._kept = kept

    def extract(self, picture: Pixels, points_px: Floats) -> Floats:
        self._kept.append(self._inner.extract(picture, points_px))
        return self._kept[-1]

    def extract_robust(
        self, picture: Pixels, points_px: Floats, landmarks_68: Floats | None = None
    ) -> Floats:
        self._kept.append(self._inner.extract_robust(picture, points_px, landmarks_68))
        return self._kept[-1]


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """What must not be found."""

    templates: list[Floats]
    thumbnails: list[bytes]


@pytest.fixture(scope="module")
def secrets(site: Site) -> Secrets:
    """Every template and thumbnail of the site's frames, made again from the same pictures."""
    settings = load_settings(written(site.folder, "again", site.broker))
    networks = build_networks(settings)
    kept: list[Floats] = []
    faculties: Faculties = msgspec.structs.replace(
        networks.faculties, templates=Recording(networks.faculties.templates, kept)
    )
    networks = msgspec.structs.replace(networks, faculties=faculties)
    thumbnails: list[bytes] = []

    def deliver(delivery: Delivery) -> None:
        if isinstance(delivery.event, Frame):
            thumbnails.append(np.asarray(thumbnail(delivery.event.picture)).tobytes())

    run, _ = build_run(settings, networks, deliver=deliver, stop=threading.Event())
    run.run(lambda _: None)
    assert len(kept) >= 3, "there is something to look for"
    people = open_store(site.folder / "gallery", None).contents().people
    assert [person.person_id for person in people] == [MEMBER]
    own = [np.asarray(row, np.float32) for person in people for row in person.templates]
    return Secrets(templates=[*kept, *own], thumbnails=thumbnails)


def pieces(template: Floats) -> Iterator[bytes]:
    """How a piece of a template could look like in bytes: binary of either width and order, or text."""
    some = template[40 : 40 + NUMBERS]
    for kind in ("<f4", ">f4", "<f8", ">f8", "<f2"):
        yield some.astype(kind).tobytes()
    # MessagePack puts a mark before each number.
    yield msgspec.msgpack.encode([float(x) for x in some])[1:]
    yield repr(float(template[40])).encode()
    yield str(template[40]).encode()


def found_in(haystack: bytes, needles: set[bytes]) -> list[bytes]:
    """The needles that are in there; compressed data is searched as what it stands for."""
    for unpacked, damaged in ((zlib.decompress, zlib.error), (lz4.frame.decompress, RuntimeError)):
        with contextlib.suppress(damaged):
            haystack += unpacked(haystack)
    return [needle for needle in needles if needle in haystack]


@pytest.fixture(scope="module")
def needles(secrets: Secrets) -> set[bytes]:
    found = {piece for template in secrets.templates for piece in pieces(template)}
    return found | set(secrets.thumbnails)


@pytest.fixture(scope="module")
def pixels(site: Site) -> set[bytes]:
    """Pieces of the picture that was refused; chance does not make them."""
    picture = picture_of(ModelCache(cache_dir()).sample_path("single_face.mp4"))
    assert any(picture in each.value for each in site.refused)
    return {picture[at : at + 16] for at in range(700, len(picture) - 1100, 16)}


@pytest.fixture(scope="module")
def messages(site: Site) -> dict[str, list[bytes]]:
    """Every message of every topic of the broker, key, value and headers, by topic."""
    consumer = KafkaConsumer(
        bootstrap_servers=site.broker.bootstrap, fetch_max_bytes=64 << 20, enable_auto_commit=False
    )
    names = [name for name in consumer.topics() if "equal" in name]
    ends = {place: end for place, end in end_offsets(site.broker, names).items() if end > 0}
    consumer.assign(list(ends))
    consumer.seek_to_beginning()
    found: dict[str, list[bytes]] = {name: [] for name in names}
    while any(consumer.position(TopicPartition(*place)) < end for place, end in ends.items()):
        for place, records in consumer.poll(timeout_ms=500).items():
            for record in records:
                parts = [record.key, record.value, *(value for _, value in record.headers)]
                found[place.topic].append(b"|".join(part for part in parts if part))
    consumer.close()
    return found


def test_a_planted_template_would_be_found(secrets: Secrets, needles: set[bytes]) -> None:
    """The search can fail: whichever way a template is written, it is seen."""
    templates = secrets.templates
    plain = templates[0].astype(np.float64)
    assert found_in(b"x" + templates[0].tobytes(), needles)
    assert found_in(b"x" + plain.tobytes(), needles)
    assert found_in(msgspec.msgpack.encode({"t": plain.tolist()}), needles)
    packed = msgspec.msgpack.encode(plain.tolist())
    assert found_in(zlib.compress(packed), needles)
    assert found_in(lz4.frame.compress(packed), needles)
    assert found_in(msgspec.json.encode(plain.tolist()), needles)
    assert found_in(str(templates[0][38:44]).encode(), needles) or found_in(
        repr(plain.tolist()).encode(), needles
    )


def test_no_template_is_in_any_topic_or_changelog(
    messages: dict[str, list[bytes]], needles: set[bytes]
) -> None:
    assert any("changelog" in name and found for name, found in messages.items()), messages.keys()
    for name, found in messages.items():
        for message in found:
            assert not found_in(message, needles), f"a template in {name}"


def test_pictures_are_in_the_topic_of_frames_only(site: Site, messages: dict[str, list[bytes]]) -> None:
    """Save where the test itself has put them, and nobody may keep them."""
    planted = {each.value for each in site.refused}
    frames = site.broker.topics.name("frames")
    captured = [message for message in messages[frames] if message.split(b"|", 1)[1] not in planted]
    assert sum(any(mark in message for mark in PICTURES) for message in captured) == 472 + 72 + 169
    for name, found in messages.items():
        if name != frames:
            for message in found:
                if message.split(b"|", 1)[-1] in planted:
                    continue
                assert not found_in(message, set(PICTURES)), f"a picture in {name}"
                assert len(message) < 200_000, "nothing is as large as a picture"


def test_a_planted_picture_would_be_found(site: Site, pixels: set[bytes]) -> None:
    """The search can fail: in a letter as it was, in a row, in digits."""
    (old,) = (each for each in site.refused if each.topic == "dead_letters")
    assert found_in(old.value, pixels)
    for each in site.refused:
        assert found_in(each.value, pixels), each.topic
        assert found_in(each.value.hex().encode(), {piece.hex().encode() for piece in pixels})


def test_what_was_refused_lies_in_letters_without_its_picture(
    site: Site, messages: dict[str, list[bytes]], pixels: set[bytes]
) -> None:
    """In the table, in its topic, in every other table, log and file, as bytes and as digits."""
    store = ClickHouse(site.database)
    rows = store.rows("SELECT topic, service, cause, hex(value), detail, hex(key) FROM v_dead_letters")
    assert len(rows) == len(site.refused)
    assert {service for _, service, *_ in rows} >= {"observe", "sink"}
    for topic, _, cause, value, detail, key in rows:
        for data in (bytes.fromhex(value), bytes.fromhex(key), detail.encode()):
            assert not found_in(data, pixels), (topic, cause)
        assert re.search(r"\(the first \d+ of \d+ bytes are kept: no picture is\)$", detail), detail
    digits = pixels | {piece.hex().upper().encode() for piece in pixels}
    for name in (row[0] for row in store.rows("SELECT name FROM system.tables WHERE database = 'onlooker'")):
        values = store.rows(f"SELECT hex(toString(tuple(*))) FROM {name}")
        assert not found_in(repr(values).encode(), digits), name
    for message in messages[site.broker.topics.name("dead_letters")]:
        if message.split(b"|", 1)[-1] not in {each.value for each in site.refused}:
            assert not found_in(message, pixels)


def test_letters_of_frames_still_say_which(site: Site) -> None:
    store = ClickHouse(site.database)
    name = site.broker.topics.name("frames")
    (found,) = store.rows(
        f"SELECT letter_id FROM v_dead_letters WHERE topic = '{name}' AND cause = 'future'"
    )[0]
    shown = onlooker("dead-letters", "show", str(found), "--config", site.folder / "services.yaml")
    assert shown.code == 0, shown.err
    assert "FrameCaptured(entrance/camera-1 #10000000" in shown.out
    assert "320 x 240 px as jpeg" in shown.out
    again = onlooker("dead-letters", "replay", "--id", str(found), "--config", site.folder / "services.yaml")
    assert again.code != 0
    assert "No letter keeps a picture" in again.err


def test_no_template_is_in_any_log_or_table(site: Site, needles: set[bytes]) -> None:
    logs = [path for path in site.folder.rglob("*.log") if path.is_file()]
    assert logs
    for path in logs:
        assert not found_in(path.read_bytes(), needles), path
    store = ClickHouse(site.database)
    tables = [
        str(name) for (name,) in store.rows("SELECT name FROM system.tables WHERE database = 'onlooker'")
    ]
    assert len(tables) > 10
    for table in tables:
        rows = store.rows(f"SELECT * FROM {table}")
        assert not found_in(repr(rows).encode(), needles), table


def test_no_template_lies_on_the_disk_in_plain(site: Site, needles: set[bytes]) -> None:
    """Neither in the gallery, which is encrypted, nor anywhere else."""

    def searched(path: Path) -> bool:
        return path.is_file() and path.stat().st_size < 100 << 20

    for path in filter(searched, site.folder.rglob("*")):
        assert not found_in(path.read_bytes(), needles), path
