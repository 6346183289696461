"""A group and its database on a real broker and ClickHouse: one database, refusals said, moved by hand."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka import KafkaConsumer
from kafka.structs import OffsetAndMetadata

from schemas.topics import Topic
from sinks.service.offsets import commit_of, note_of
from sinks.store.address import Address
from sinks.store.clickhouse import ClickHouse, create_database
from sinks.store.embedded.asking import asking
from sinks.store.embedded.server import EmbeddedServer
from sinks.store.identity import id_of
from sinks.store.migrate import migrate, released
from tests.brokers import KafkaCluster, wait_until
from tests.sinking import Site, facts_of, site_of, url_of

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.slow]


FED: tuple[Topic, ...] = ("visits", "plays", "campaign_windows")
"""Topics that the tests send facts to."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path_factory.mktemp("binding") / "data") as running:
        yield running


@pytest.fixture
def address(server: EmbeddedServer, topic_prefix: str) -> Address:
    """A database of the test's own."""
    address = msgspec.structs.replace(server.address(), database=topic_prefix)
    create_database(address)
    return address


@pytest.fixture
def other(address: Address) -> Iterator[ClickHouse]:
    """Another database, empty."""
    elsewhere = msgspec.structs.replace(address, database=f"{address.database}_other")
    create_database(elsewhere)
    store = ClickHouse(elsewhere)
    yield store
    store.close()


@pytest.fixture
def site(kafka: KafkaCluster, topic_prefix: str, tmp_path: Path, address: Address) -> Iterator[Site]:
    with site_of(kafka, topic_prefix, tmp_path, address) as made:
        made.make_topics()
        yield made


def into(site: Site, store: ClickHouse) -> Path:
    """The configuration of the same site with another database."""
    path = site.folder / "other.yaml"
    path.write_text(site.config().read_text().replace(url_of(site.address), url_of(store.address)))
    return path


def visits(store: ClickHouse) -> int:
    """Rows of visits; 0 where there is no table yet."""
    there = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'visits'"
    return int(store.rows("SELECT count() FROM visits")[0][0]) if store.rows(there)[0][0] else 0


def rebind(config: Path, begin: str, *more: str) -> subprocess.CompletedProcess[str]:
    """What an operator types."""
    words = [sys.executable, "-m", "onlooker", "rebind", "--config", str(config), "--from", begin, *more]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def stopped(process: subprocess.Popen[bytes], site: Site) -> None:
    """End a sink, which leaves its group."""
    process.terminate()
    assert process.wait(20) == 0, site.log()


def as_an_older_version_left_it(site: Site) -> None:
    """Take the databases' names out of all commits."""
    group, admin = site.broker.group("sink"), site.cluster.admin()
    committed = admin.list_group_offsets(group)[group]
    admin.close()
    consumer: Any = KafkaConsumer(
        bootstrap_servers=site.cluster.bootstrap, group_id=group, enable_auto_commit=False
    )
    consumer.assign(list(committed))
    notes = {
        place: commit_of(at.offset, msgspec.structs.replace(note_of(at.metadata), database=None)).note
        for place, at in committed.items()
    }
    consumer.commit(
        {place: OffsetAndMetadata(at.offset, notes[place], -1) for place, at in committed.items()}
    )
    consumer.close()


def test_of_two_sinks_started_together_one_is_refused_and_all_rows_are_in_one_database(
    site: Site, other: ClickHouse
) -> None:
    processes = {site.start(site.config()): site.store, site.start(into(site, other)): other}
    site.send(fact for number in range(100) for fact in facts_of(number))

    def ended() -> list[subprocess.Popen[bytes]]:
        return [each for each in processes if each.poll() is not None]

    wait_until(lambda: len(ended()) == 1, words="one sink is refused", timeout_s=60)
    site.send(fact for number in range(100, 150) for fact in facts_of(number))
    site.wait_until_written()
    (refused,) = ended()
    assert refused.returncode == 2, site.log()
    assert f"the group {site.broker.group('sink')} writes to the database" in site.log()
    assert all(id_of(store) in site.log() for store in (site.store, other))
    assert [visits(store) for each, store in processes.items() if each is not refused] == [150]
    assert visits(processes[refused]) == 0


def test_an_empty_database_is_refused_with_what_it_lacks_until_the_group_is_given_to_it(
    site: Site, other: ClickHouse
) -> None:
    first, second = site.config(), into(site, other)
    site.send(fact for number in range(60) for fact in facts_of(number))
    process = site.start(first)
    site.wait_until_written()
    assert "stop all of them" in rebind(second, "earliest").stderr + rebind(first, "earliest").stderr
    stopped(process, site)
    assert site.start(second).wait(60) == 2, site.log()
    names = [site.broker.topics.name(topic) for topic in FED]
    for name in names:
        assert any(
            f"{name}:{n}: rows are missing in this database from offset 0 on" in site.log() for n in (0, 1)
        ), site.log()
    assert "onlooker rebind" in site.log()
    assert visits(other) == 0
    for _ in range(2):
        shown = rebind(second, "earliest", "--dry-run")
        assert (shown.returncode, id_of(site.store) in shown.stderr) == (0, True), "it changes nothing"
    done = rebind(second, "earliest")
    assert done.returncode == 0, done.stderr
    assert all(f"{name}:" in done.stdout and "goes on at offset 0" in done.stdout for name in names)
    site.send(fact for number in range(60, 70) for fact in facts_of(number))
    process = site.start(second)
    site.wait_until_written()
    assert (visits(other), visits(site.store)) == (70, 60)
    stopped(process, site)
    assert site.start(first).wait(60) == 2, "now the old one is the other"


def test_a_group_of_an_older_version_is_told_what_an_empty_database_lacks(
    site: Site, other: ClickHouse
) -> None:
    site.send(fact for number in range(30) for fact in facts_of(number))
    stopping = site.start(site.config())
    site.wait_until_written()
    stopped(stopping, site)
    as_an_older_version_left_it(site)
    site.start(into(site, other))
    site.send(facts_of(30))
    site.wait_until_written()
    wait_until(lambda: visits(other) > 0, words="it is bound and goes on")
    for name in map(site.broker.topics.name, FED):
        assert f"{name}:0: rows are missing in this database from offset 0 on" in site.log()


def test_another_database_that_comes_to_stand_in_the_place_of_the_first_gets_no_row(site: Site) -> None:
    site.send(fact for number in range(20) for fact in facts_of(number))
    process = site.start()
    site.wait_until_written()
    name = site.address.database
    site.store.command(f"DROP DATABASE {name} SYNC")
    create_database(site.address)
    anew = ClickHouse(site.address)
    migrate(anew, released())
    site.send(fact for number in range(20, 40) for fact in facts_of(number))
    assert process.wait(60) == 2, site.log()
    assert visits(anew) == 0
    assert id_of(anew) in site.log()
    anew.close()


def test_a_restored_backup_gets_what_came_after_it(site: Site) -> None:
    config = site.config()
    site.send(fact for number in range(20) for fact in facts_of(number))
    process = site.start(config)
    site.wait_until_written()
    name = site.address.database
    site.store.command(f"BACKUP DATABASE {name} TO Memory('{name}')")
    site.send(fact for number in range(20, 40) for fact in facts_of(number))
    site.wait_until_written()
    stopped(process, site)
    site.store.command(f"DROP DATABASE {name} SYNC")
    site.store.command(f"RESTORE DATABASE {name} FROM Memory('{name}')")
    process = site.start(config)
    wait_until(lambda: "rows are missing in this database" in site.log(), words="what is missing is said")
    stopped(process, site)
    assert rebind(config, "earliest").returncode == 0
    site.start(config)
    site.wait_until_written()
    wait_until(lambda: visits(site.store) == 40, words="the rest is written")
    site.assert_exact(40)


def test_data_directories_are_told_apart_like_servers(site: Site) -> None:
    configs = []
    for name in ("first", "second"):
        path = site.folder / f"{name}.yaml"
        text = site.config().read_text().replace(f"{site.folder}/data", f"{site.folder}/{name}")
        path.write_text(text.replace(f'clickhouse: {{url: "{url_of(site.address)}"}}\n', ""))
        configs.append(path)
    site.send(fact for number in range(10) for fact in facts_of(number))
    process = site.start(configs[0])
    site.wait_until_written()
    stopped(process, site)
    assert site.start(configs[1]).wait(60) == 2, site.log()
    assert re.search(rf"writes to the database [0-9a-f-]{{36}} \([^)]*{site.folder}/first\)", site.log())
    assert rebind(configs[1], "committed").returncode == 0
    site.send(fact for number in range(10, 20) for fact in facts_of(number))
    site.start(configs[1])
    site.wait_until_written()
    with asking(site.folder / "second") as store:
        assert store.rows("SELECT count() FROM visits") == [(10,)]
