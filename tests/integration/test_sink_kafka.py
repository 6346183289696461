"""The sink on a real broker and a real ClickHouse: equal rows, set aside, waiting, offsets of operators."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from sinks.store.address import Address
from sinks.store.clickhouse import create_database
from sinks.store.embedded.server import EmbeddedServer
from tests.brokers import KafkaCluster, wait_until
from tests.facts import visit_ended
from tests.sinking import Site, facts_of, site_of

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.clickhouse,
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path_factory.mktemp("sink") / "data") as running:
        yield running


@pytest.fixture
def address(server: EmbeddedServer, topic_prefix: str) -> Address:
    """A database of the test's own."""
    address = msgspec.structs.replace(server.address(), database=topic_prefix)
    create_database(address)
    return address


@pytest.fixture
def site(kafka: KafkaCluster, topic_prefix: str, tmp_path: Path, address: Address) -> Iterator[Site]:
    with site_of(kafka, topic_prefix, tmp_path, address) as made:
        made.make_topics()
        yield made


def test_every_fact_becomes_its_rows_and_the_sink_leaves_when_asked(site: Site) -> None:
    site.send(fact for number in range(300) for fact in facts_of(number))
    process = site.start()
    site.wait_until_written()
    site.assert_exact(300)
    process.terminate()
    assert process.wait(20) == 0, site.log()


def test_facts_that_come_again_are_left_out_also_by_another_sink(site: Site) -> None:
    first, config = [facts_of(number) for number in range(40)], site.config()
    site.send(fact for facts in first for fact in facts)
    process = site.start(config)
    site.wait_until_written()
    site.send((fact for facts in first[30:] for fact in facts), repeated=True)
    site.wait_until_written()
    process.kill()
    process.wait()
    site.send((fact for facts in first[:10] for fact in facts), repeated=True)
    site.send(fact for number in range(40, 50) for fact in facts_of(number))
    site.start(config)
    site.wait_until_written()
    site.assert_exact(50)
    assert site.store.rows("SELECT sum(repeated) FROM sink_batches") == [(60,)]


def test_an_offset_set_back_by_an_operator_counts_nothing_twice(site: Site) -> None:
    site.send(fact for number in range(60) for fact in facts_of(number))
    process = site.start()
    site.wait_until_written()
    process.terminate()
    assert process.wait(20) == 0
    site.set_offsets_back()
    assert site.waiting() > 0
    site.send(fact for number in range(60, 70) for fact in facts_of(number))
    site.start()
    site.wait_until_written()
    site.assert_exact(70)


def test_a_topic_made_anew_under_a_running_sink_begins_at_its_first_offset(site: Site) -> None:
    site.send(fact for number in range(60) for fact in facts_of(number))
    process = site.start()
    site.wait_until_written()
    site.make_anew("visits", "plays", "campaign_windows")
    site.send(fact for number in range(60, 90) for fact in facts_of(number))
    wait_until(
        lambda: site.store.rows("SELECT count() FROM visits") == [(90,)],
        words="the new topic's facts are written",
        timeout_s=90,
    )
    site.wait_until_written()
    site.store.command("OPTIMIZE TABLE plays")
    for table, key in (("visits", "visit_id"), ("plays", "play_id"), ("windows", "window_id")):
        assert site.store.rows(f"SELECT count(), uniqExact({key}) FROM {table}") == [(90, 90)]
    assert process.poll() is None


def test_facts_and_letters_of_a_topic_made_anew_are_told_from_those_before(site: Site) -> None:
    """Facts that come again are known, at whatever offset; letters of the same places are others."""
    numbers = list(range(40))
    for turn in range(2):
        site.send(fact for number in numbers[17 * turn :] + numbers[: 17 * turn] for fact in facts_of(number))
        for number in range(10):
            site.send_bytes("plays", b"s", b"noise %d" % number)
        site.producer.flush()
        process = site.start()
        site.wait_until_written("visits", "plays", "campaign_windows", "dead_letters")
        process.terminate()
        assert process.wait(30) == 0, site.log()
        site.make_anew("visits", "plays", "campaign_windows")
    site.assert_exact(40)
    letters = "SELECT count(), uniqExact(letter_id), uniqExact(partition, offset) FROM dead_letters"
    assert site.store.rows(letters) == [(20, 20, 10)]
    inserted = site.store.rows("SELECT sum(table_rows['visits']), sum(table_rows['plays']) FROM sink_batches")
    assert inserted == [(40, 40)]


def test_several_sinks_that_start_at_once_make_the_tables_once(site: Site) -> None:
    site.send(fact for number in range(30) for fact in facts_of(number))
    processes = [site.start() for _ in range(3)]
    site.wait_until_written()
    site.assert_exact(30)
    assert [process.poll() for process in processes] == [None] * 3
    assert site.store.rows("SELECT count(), uniqExact(number) FROM schema_migrations FINAL")[0][0] >= 4


def test_a_fact_that_the_database_refuses_is_set_aside_alone(site: Site) -> None:
    site.start()
    site.send(facts_of(0))
    site.wait_until_written()
    site.store.command("ALTER TABLE visits ADD CONSTRAINT no_stand CHECK stand_id != 'refused'")
    poison = visit_ended("poison", stand_id="refused")
    site.send([*(fact for number in range(1, 20) for fact in facts_of(number)), poison])
    site.send(fact for number in range(20, 30) for fact in facts_of(number))
    site.wait_until_written()
    site.assert_exact(30)
    site.wait_until_written("dead_letters")
    found = site.store.rows("SELECT cause, topic FROM v_dead_letters")
    assert found == [("refused", site.broker.topics.name("visits"))]


def test_a_wrong_password_ends_the_sink_with_words(site: Site) -> None:
    path = site.config()
    path.write_text(path.read_text().replace(site.address.password, "sesame"))
    process = site.start(path)
    assert process.wait(30) == 2
    assert "refuses user" in site.log()
    assert "sesame" not in site.log()


def test_too_many_bad_messages_end_the_sink_and_nothing_is_committed(site: Site) -> None:
    for _ in range(1100):
        site.send_bytes("visits", b"entrance", b"nothing")
    site.producer.flush()
    process = site.start(site.config(max_age_s=3.0, max_rows=100_000))
    assert process.wait(60) == 4
    assert "in a row were set aside" in site.log()
    assert site.waiting("visits") == 1100
