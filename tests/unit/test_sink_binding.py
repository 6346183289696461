"""A group and its database: bound once, every other database refused before it gets a row, rebound."""

import random
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import DependencyAwayError, UsageError
from sinks.service.binding import NotBoundError, OtherDatabaseError, bind
from sinks.service.feed import Committed, TopicPartition
from sinks.service.loop import Sink
from sinks.service.offsets import Note, commit_of, note_of
from sinks.service.rebinding import Begin, Plan, plan_of, rebind
from sinks.store.address import NAME_LIMIT, Address
from sinks.store.identity import Identity, id_of
from tests.sink_model import VISITS, ModelFeed, ModelStore, World, appended, rows_of_facts

FACTS = [(number, 1) for number in range(40)]
NEW = [(number, 1) for number in range(40, 60)]


def spread(world: World, facts: list[tuple[int, int]], seed: int = 1) -> None:
    chance = random.Random(seed)
    for number, version in facts:
        partition = chance.randrange(len(world.log.tps))
        world.log.append(f"{number}:{version}".encode(), partition=partition)


def end_with(world: World, store: ModelStore) -> None:
    sink, stop = world.sink(store=store), threading.Event()
    world.turns(sink, 60)
    stop.set()
    sink.run(stop)


def databases(world: World) -> set[str]:
    """Those that the group's commits name."""
    notes = [note_of(commit.note).database for commit in world.log.committed.values()]
    return {note.id if note else "" for note in notes}


def without_databases(world: World) -> None:
    """The group as an older version leaves it."""
    for tp, commit in world.log.committed.items():
        nobodys = msgspec.structs.replace(note_of(commit.note), database=None)
        world.log.committed[tp] = commit_of(commit.offset, nobodys)


class Crew:
    """Sinks of one group that share its partitions, each with a database; those that are refused leave."""

    def __init__(self, world: World, stores: list[ModelStore]) -> None:
        self.world = world
        self.stores = stores
        self.running: list[tuple[Sink, ModelFeed]] = []
        self.going_round: list[Sink] = []
        """One and those that stand still meanwhile."""
        self.refused = 0

    def start(self, store: int, step: int = -1, turns: int = 0) -> None:
        """One more; in its step of that number the others go round while it stands still."""

        def sleeps(_: str) -> None:
            nonlocal step
            step -= 1
            if step == -1:
                for number in range(turns):
                    self.turn(number)

        sink = self.world.sink(sleeps, store=self.stores[store], shares=True)
        feed = sink._parts.feed
        assert isinstance(feed, ModelFeed)
        self.running.append((sink, feed))

    def turn(self, number: int) -> None:
        """One of them goes round."""
        awake = [each for each in self.running if each[0] not in self.going_round]
        if not awake:
            return
        sink, feed = awake[number % len(awake)]
        self.world.clock.sleep(0.5)
        self.going_round.append(sink)
        try:
            sink.turn()
        except OtherDatabaseError:
            self.refused += 1
            feed.close()
            self.running = [each for each in self.running if each[0] is not sink]
        self.going_round.pop()

    def evict(self, number: int) -> None:
        """The group takes one for dead; it does not know yet."""
        if self.running:
            _, feed = self.running[number % len(self.running)]
            if feed.member in self.world.log.members:
                self.world.log.leave(feed.member)


@given(
    acts=st.lists(
        st.one_of(
            st.tuples(st.just("start"), st.integers(0, 1), st.integers(-1, 30), st.integers(0, 12)),
            st.tuples(st.just("turn"), st.integers(0, 3)),
            st.tuples(st.just("evict"), st.integers(0, 3)),
            st.tuples(st.just("send"), st.integers(0, 9)),
        ),
        max_size=60,
    ),
    partitions=st.integers(1, 4),
)
@settings(max_examples=200, deadline=None)
def test_the_rows_of_one_group_are_never_in_two_databases(acts: list[tuple], partitions: int) -> None:  # type: ignore[type-arg]
    """Sinks with either of two databases start, sleep in any step, are given up, and end in any order."""
    world, stores = World(partitions), [ModelStore(), ModelStore()]
    crew, sent = Crew(world, stores), 0
    crew.start(0)
    crew.start(1)
    for act, *values in [*acts, *[("send", 5)] * 4, *(("turn", n) for n in range(40))]:
        if act == "start" and len(crew.running) < 4:
            crew.start(*values)
        elif act == "turn":
            crew.turn(*values)
        elif act == "evict":
            crew.evict(*values)
        elif act == "send":
            spread(world, [(sent, 1), (sent + 1, 1)], seed=values[0])
            sent += 2
    written = [store for store in stores if store.tables.get("visits")]
    assert len(written) <= 1
    assert len(databases(world) - {""}) <= 1
    named = databases(world) - {""}
    home = next((store for store in stores if named == {id_of(store)}), stores[0])
    assert not written or written == [home]
    end_with(world, home)
    assert home.visits() == rows_of_facts([(number, 1) for number in range(sent)])


def test_of_two_that_start_together_one_is_refused_and_all_rows_are_in_the_other() -> None:
    world, stores = World(4), [ModelStore(), ModelStore()]
    spread(world, FACTS)
    crew = Crew(world, stores)
    crew.start(0)
    crew.start(1)
    for number in range(100):
        crew.turn(number)
    assert crew.refused == 1
    assert len(crew.running) == 1
    assert sorted(len(store.visits()) for store in stores) == [0, len(FACTS)]


def test_who_does_not_speak_for_the_group_reads_nothing_until_it_is_bound() -> None:
    world = World(2)
    spread(world, FACTS)
    crew = Crew(world, [world.store])
    crew.start(0)
    crew.start(0)
    sink, feed = next(
        (sink, feed) for sink, feed in crew.running if world.log.owned(feed.member) == [(VISITS, 1)]
    )
    world.turns(sink, 10)
    assert feed.paused
    assert world.store.visits() == []
    assert world.log.committed == {}
    assert world.meter.counted["retries", ""] > 0
    for number in range(60):
        crew.turn(number)
    assert world.store.visits() == rows_of_facts(FACTS)


def test_a_second_database_is_refused_with_both_names_and_the_mend(caplog: pytest.LogCaptureFixture) -> None:
    world, other = World(), ModelStore()
    appended(world.log, FACTS)
    world.end()
    appended(world.log, NEW)
    before = dict(world.log.committed)
    with pytest.raises(OtherDatabaseError) as refused:
        world.turns(world.sink(store=other))
    for words in (id_of(world.store), id_of(other), "onlooker-sink", "onlooker rebind"):
        assert words in str(refused.value)
    assert refused.value.exit_code == 2
    assert set(other.tables) == {"database_identity"}
    assert world.log.committed == before
    assert f"{VISITS}:0: rows are missing in this database from offset 0 on" in caplog.text
    world.end()
    assert world.store.visits() == rows_of_facts([*FACTS, *NEW])


def test_a_group_without_a_binding_says_what_an_empty_database_lacks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world, empty = World(2), ModelStore()
    spread(world, FACTS)
    world.end()
    without_databases(world)
    end_with(world, empty)
    for tp in world.log.tps:
        assert f"{tp[0]}:{tp[1]}: rows are missing in this database from offset 0 on" in caplog.text
    assert id_of(empty) in databases(world), "bound at the first takeover"


def test_a_batch_begun_by_another_does_not_hide_what_a_database_lacks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    appended(world.log, FACTS)
    world.end()
    note = Note(hi=40, at_us=7, topic="one", database=Identity(id=id_of(world.store)))
    world.log.committed[VISITS, 0] = commit_of(30, note)
    world.store.tables["sink_batches"] = [
        row for row in world.store.tables["sink_batches"] if row["hi"] <= 20
    ]
    world.turns(world.sink(), 3)
    assert re.search(r"missing in this database from offset \d+ on, the group is at 30", caplog.text)


def test_a_database_restored_from_an_older_backup_is_the_same_one(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    appended(world.log, FACTS)
    world.end()
    backup = {table: list(rows) for table, rows in world.store.tables.items()}
    appended(world.log, NEW)
    world.end()
    restored = ModelStore()
    restored.tables = backup
    world.turns(world.sink(store=restored))
    assert f"{VISITS}:0: rows are missing in this database from offset 40 on" in caplog.text
    rebound(world, restored, "earliest")
    end_with(world, restored)
    assert restored.visits() == rows_of_facts([*FACTS, *NEW])


def test_commits_of_an_older_version_are_bound_at_the_first_takeover(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(3)
    spread(world, FACTS)
    world.end()
    without_databases(world)
    spread(world, NEW)
    world.end()
    assert databases(world) == {id_of(world.store)}
    assert world.store.visits() == rows_of_facts([*FACTS, *NEW])
    assert "rows are missing" not in caplog.text


def test_a_batch_that_was_begun_is_still_ended_when_its_group_is_bound() -> None:
    world = World()
    appended(world.log, FACTS)
    world.log.committed[VISITS, 0] = commit_of(0, Note(hi=33, at_us=2_000_000_000_000_000, topic="one"))
    world.end()
    first = world.store.tables["sink_batches"][0]
    assert (first["hi"], first["healed"]) == (33, 1)


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_one_commit_that_names_another_database_is_enough(lost: int) -> None:
    """Kafka's own tool takes the names from the partitions whose offsets it sets."""
    world = World(3)
    spread(world, FACTS)
    world.end()
    world.log.committed = {
        tp: commit if number == lost else Committed(offset=0)
        for number, (tp, commit) in enumerate(sorted(world.log.committed.items()))
    }
    with pytest.raises(OtherDatabaseError):
        world.turns(world.sink(store=ModelStore()))


def test_another_database_in_the_same_place_gets_no_row() -> None:
    world = World()
    appended(world.log, FACTS)
    sink = world.sink()
    world.turns(sink, 60)
    there, world.store.tables = world.store.tables, {"database_identity": [{"id": uuid4()}]}
    appended(world.log, NEW)
    with pytest.raises(OtherDatabaseError, match=str(world.store.tables["database_identity"][0]["id"])):
        world.turns(sink, 60)
    assert set(world.store.tables) == {"database_identity"}
    world.store.tables = there
    world.end()
    assert world.store.visits() == rows_of_facts([*FACTS, *NEW])


def test_two_groups_may_share_a_database() -> None:
    one, two = World(), World()
    two.store = one.store
    two.log.incarnation = "two"
    appended(one.log, FACTS)
    appended(two.log, NEW)
    one.end()
    two.end()
    assert one.store.visits() == rows_of_facts([*FACTS, *NEW])
    assert databases(one) == databases(two)


class Outside(ModelFeed):
    """The group of a `Log` from outside, none of whose sinks runs."""

    def __init__(self, world: World) -> None:
        super().__init__(world.log, "outside", lambda step: None)

    def incarnations(self) -> Mapping[TopicPartition, str]:
        return dict.fromkeys(self.log.tps, self.log.incarnation)


def rebound(world: World, store: ModelStore, begin: Begin) -> Plan:
    """What an operator does."""
    writer, group = world.sink(store=store)._parts.writer, Outside(world)
    plan = plan_of(group, writer.written, Identity(id=id_of(store)), begin)
    rebind(group, plan)
    return plan


@pytest.mark.parametrize("begin", ["earliest", "committed"])
@given(kept=st.integers(0, 40))
@settings(max_examples=10, deadline=None)
def test_an_operator_moves_a_group_to_a_new_database(begin: Begin, kept: int) -> None:
    world, new = World(), ModelStore()
    appended(world.log, FACTS)
    world.end()
    world.log.expire((VISITS, 0), kept)
    plan = rebound(world, new, begin)
    (change,) = plan.changes
    goes_on = kept if begin == "earliest" else 40
    assert [other.id for other in plan.before] == [id_of(world.store)]
    assert (change.before, change.after.offset) == (40, goes_on)
    assert change.missing == ((0, goes_on) if goes_on else None)
    assert databases(world) == {id_of(new)}
    with pytest.raises(OtherDatabaseError):
        world.turns(world.sink())
    appended(world.log, NEW)
    end_with(world, new)
    assert new.visits() == rows_of_facts([*FACTS[goes_on:], *NEW])


def test_a_group_whose_sinks_run_is_not_rebound() -> None:
    world, new = World(), ModelStore()
    appended(world.log, FACTS)
    world.end()
    before = dict(world.log.committed)
    group = Outside(world)
    world.sink()
    plan = plan_of(group, lambda found: {}, Identity(id=id_of(new)), "earliest")
    with pytest.raises(UsageError, match="stop all of them"):
        rebind(group, plan)
    assert world.log.committed == before


def test_a_replica_that_has_not_heard_of_the_id_is_waited_for() -> None:
    class Lags(ModelStore):
        def insert(self, *_: object) -> None:
            """The others have it, this one not yet."""

    with pytest.raises(DependencyAwayError):
        id_of(Lags())


def test_nobody_binds_what_it_does_not_speak_for() -> None:
    world = World(2)
    feeds = [ModelFeed(world.log, name, lambda step: None, shares=True) for name in "ab"]
    for feed in feeds:
        feed.poll(0)
    other = next(feed for feed in feeds if world.log.owned(feed.member) == [(VISITS, 1)])
    membership = other.membership()
    assert membership is not None
    with pytest.raises(NotBoundError, match="partition 0"):
        bind(membership, other, Identity(id="a"))
    assert world.log.committed == {}


def test_a_place_is_named_bounded_readable_and_without_a_password() -> None:
    server = Address(host="db.example", user="sink", password="sesame", database="shop")
    assert server.name == "db.example:9000/shop"
    odd = Address(host="127.0.0.1", data_dir="/data/\udcff" + "x" * 5000)
    assert len(odd.name) == NAME_LIMIT
    assert commit_of(1, Note(database=Identity(id="a", place=odd.name)))
    assert Address(host="127.0.0.1", data_dir=str(Path("/data"))).name.endswith(":/data")
