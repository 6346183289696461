"""What cannot be read or believed is set aside with its bytes, shown, and sent back; the stream goes on."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from sinks.store.clickhouse import create_database
from sinks.store.embedded.server import EmbeddedServer
from tests.brokers import KafkaCluster
from tests.e2e.command import onlooker
from tests.facts import T0_US, visit_ended
from tests.sinking import CODEC, Site, facts_of, site_of

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.clickhouse,
    pytest.mark.slow,
]
FUTURE = CODEC.encode(visit_ended("future", started_us=T0_US, ended_us=4_000_000_000_000_000))
GOOD = CODEC.encode(visit_ended("good"))
HOSTILE: dict[str, bytes | None] = {
    "empty": None,
    "not_framed": b"\xff\xd8 this is a picture",
    "unknown_schema": b"\x00" + struct.pack(">I", 999_999) + b"x",
    "truncated": GOOD[:40],
    "future": FUTURE,
}


@pytest.fixture(scope="module")
def site(kafka: KafkaCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose topics got good and hostile messages, all written."""
    folder = tmp_path_factory.mktemp("letters")
    with EmbeddedServer(folder / "data") as server:
        address = msgspec.structs.replace(server.address(), database="letters")
        create_database(address)
        with site_of(kafka, "letters", folder, address) as made:
            made.make_topics()
            made.send(fact for number in range(30) for fact in facts_of(number))
            for value in HOSTILE.values():
                made.send_bytes("visits", b"entrance", value)
            made.send_bytes("plays", b"entrance", GOOD)
            made.send_bytes("dead_letters", b"entrance", b"no letter at all")
            made.send(fact for number in range(30, 60) for fact in facts_of(number))
            made.start(made.config())
            made.wait_until_written()
            made.wait_until_written("dead_letters")
            yield made


def letters(site: Site, *options: str) -> list[dict[str, object]]:
    done = onlooker("dead-letters", "list", "--json", "--config", site.folder / "sink.yaml", *options)
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def test_the_stream_goes_on_and_nothing_hostile_becomes_a_row(site: Site) -> None:
    site.assert_exact(60)


def test_every_hostile_message_is_a_letter_with_its_bytes(site: Site) -> None:
    found = {str(letter["cause"]): letter for letter in letters(site, "--topic", "letters.visits.v1")}
    assert found.keys() == HOSTILE.keys()
    for cause, value in HOSTILE.items():
        assert found[cause]["value"] == (None if value is None else value.hex())
        assert found[cause]["key"] == b"entrance".hex()
    (wrong,) = letters(site, "--topic", "letters.plays.v1")
    assert (wrong["cause"], wrong["value"]) == ("wrong_type", GOOD.hex())


def test_what_is_no_letter_on_the_topic_of_letters_goes_to_the_table_at_once(site: Site) -> None:
    (found,) = letters(site, "--topic", "letters.dead_letters.v1")
    assert found["value"] == b"no letter at all".hex()
    assert len(letters(site, "--from-topic")) == len(HOSTILE) + 1, "it was not sent round again"


def test_the_list_counts_by_topic_and_cause(site: Site) -> None:
    done = onlooker("dead-letters", "list", "--config", site.folder / "sink.yaml")
    assert done.code == 0, done.err
    for cause in HOSTILE:
        assert cause in done.out


def test_a_letter_is_shown_with_its_bytes_and_what_reading_them_says(site: Site) -> None:
    (letter,) = letters(site, "--cause", "truncated")
    done = onlooker("dead-letters", "show", str(letter["letter_id"]), "--config", site.folder / "sink.yaml")
    assert done.code == 0, done.err
    assert "still refused: truncated" in done.out
    assert GOOD[:16].hex(" ") in done.out


def test_an_id_that_is_none_and_one_that_is_not_there(site: Site) -> None:
    config = site.folder / "sink.yaml"
    assert onlooker("dead-letters", "show", "7", "--config", config).code == 2
    absent = "6f6e6c6f-6f6b-5e72-8a00-6f6e6c6f6f6b"
    assert onlooker("dead-letters", "show", absent, "--config", config).code == 1


def test_a_replay_sends_each_message_once(site: Site) -> None:
    def replay(*options: str) -> str:
        config: Path = site.folder / "sink.yaml"
        done = onlooker("dead-letters", "replay", "--topic", "letters.plays.v1", "--config", config, *options)
        assert done.code == 0, done.err
        return done.out + done.err

    ends = len(letters(site))
    assert "1 would be sent" in replay("--dry-run")
    assert "1 sent" in replay()
    site.wait_until_written("plays")
    site.wait_until_written("dead_letters")
    assert len(letters(site)) == ends + 1, "it is still no play: another letter"
    assert "1 sent" in replay(), "the new letter, not the old one"
    assert "0 of" in replay("--cause", "future")


def test_a_database_of_another_site_is_told(site: Site) -> None:
    config = site.folder / "other.yaml"
    config.write_text((site.folder / "sink.yaml").read_text().replace("prefix: letters", "prefix: other"))
    done = onlooker("dead-letters", "replay", "--cause", "empty", "--config", config)
    assert (done.code, "check `kafka.prefix`" in done.err) == (2, True)
