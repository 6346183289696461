"""A world in memory for the sink: a log of messages, a group with generations, a store that knows tokens."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from schemas.clocks import Clocks
from schemas.errors import BrokerAwayError, DependencyAwayError, UndecodableError
from schemas.events import DeadLetter, VisitEnded
from schemas.metrics import CounterName, NoMeter, NoPulse
from schemas.topics import TopicNames
from sinks.service.batch_writer import BatchWriter, Reporting
from sinks.service.feed import Bounds, Committed, Membership, Message, NotOwnerError, TopicPartition
from sinks.service.known import Remembered
from sinks.service.loop import Sink, SinkParts
from sinks.service.options import SinkOptions
from sinks.service.reading import FactReader, Limits
from tests.facts import FakeClock, exposure, play, visit_ended

VISITS = "visits.v1"
Trouble = Callable[[str], None]
"""Called before each step that leaves the process, with its name; may raise."""


class Killed(BaseException):
    """The process dies here."""


def fact_of(number: int, version: int = 1) -> VisitEnded:
    """A visit with an exposure."""
    name = f"visit-{number}"
    return visit_ended(name, (exposure(name, play(), (0.5,)),), version=version)


class Log:
    """Messages of the partitions of one topic, and what the group has committed."""

    def __init__(self, partitions: int = 1) -> None:
        self.tps: list[TopicPartition] = [(VISITS, number) for number in range(partitions)]
        self.messages: dict[TopicPartition, list[Message]] = {tp: [] for tp in self.tps}
        self.begins: dict[TopicPartition, int] = dict.fromkeys(self.tps, 0)
        self.committed: dict[TopicPartition, Committed] = {}
        self.incarnation = "one"
        self.generation = 0
        self.members: list[str] = []

    def append(self, value: bytes | None, *, partition: int = 0, repeated: bool = False) -> None:
        """One more message."""
        tp = (VISITS, partition)
        offset = self.begins[tp] + len(self.messages[tp])
        self.messages[tp].append(Message(offset=offset, key=b"entrance", value=value, repeated=repeated))

    def end(self, tp: TopicPartition) -> int:
        return self.begins[tp] + len(self.messages[tp])

    def expire(self, tp: TopicPartition, begin: int) -> None:
        """Retention takes the messages below an offset."""
        self.messages[tp] = [m for m in self.messages[tp] if m.offset >= begin]
        self.begins[tp] = begin

    def join(self, member: str, *, shares: bool = False) -> None:
        """A member takes over all partitions, those before are fenced; one that shares lets them stay."""
        self.generation += 1
        self.members = [*self.members, member] if shares else [member]

    def leave(self, member: str) -> None:
        """The others share what it had."""
        self.generation += 1
        self.members.remove(member)

    def owned(self, member: str) -> list[TopicPartition]:
        """Round robin, each generation another way."""
        place, many = self.members.index(member), len(self.members)
        return [tp for number, tp in enumerate(self.tps) if (number + self.generation) % many == place]


class ModelFeed:
    """A member of the group of a `Log`."""

    def __init__(
        self, log: Log, member: str, trouble: Trouble, *, poll_size: int = 7, shares: bool = False
    ) -> None:
        self.log = log
        self.member = member
        self._trouble = trouble
        self._poll_size = poll_size
        log.join(member, shares=shares)
        self._generation = log.generation
        self._positions: dict[TopicPartition, int] = {}
        self.paused = False

    def poll(self, wait_s: float) -> Mapping[TopicPartition, Sequence[Message]]:
        self._trouble("poll")
        found: dict[TopicPartition, Sequence[Message]] = {}
        if self.member in self.log.members and self._generation != self.log.generation:
            self._generation, self._positions = self.log.generation, {}
        for tp in [] if self.paused or not self._stays() else self.log.owned(self.member):
            at = self._positions.get(tp, self._begin(tp))
            messages = [m for m in self.log.messages[tp] if m.offset >= at][: self._poll_size]
            if messages:
                found[tp] = messages
                self._positions[tp] = messages[-1].offset + 1
        return found

    def _begin(self, tp: TopicPartition) -> int:
        commit = self.log.committed.get(tp)
        return commit.offset if commit else self.log.begins[tp]

    @property
    def group(self) -> str:
        return "onlooker-sink"

    @property
    def anchor(self) -> TopicPartition:
        return (VISITS, 0)

    def commits(self) -> Mapping[TopicPartition, Committed]:
        return dict(self.log.committed)

    def membership(self) -> Membership | None:
        if not self._stays():
            return None
        incarnations = dict.fromkeys(self.log.owned(self.member), self.log.incarnation)
        return Membership(member=self.member, generation=self._generation, incarnations=incarnations)

    def committed(self, tps: Sequence[TopicPartition]) -> Mapping[TopicPartition, Committed]:
        self._trouble("committed")
        return {tp: self.log.committed[tp] for tp in tps if tp in self.log.committed}

    def bounds(self, tps: Sequence[TopicPartition]) -> Mapping[TopicPartition, Bounds]:
        return {p: Bounds(begin=self.log.begins[p], end=self.log.end(p)) for p in tps}

    def commit(self, offsets: Mapping[TopicPartition, Committed]) -> None:
        self._trouble("before commit")
        if not self._stays():
            raise NotOwnerError("fenced")
        self.log.committed.update(offsets)
        self._trouble("after commit")

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self._positions[tp] = offset

    def position(self, tp: TopicPartition) -> int | None:
        return self._positions.get(tp)

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def close(self) -> None:
        if self.member in self.log.members:
            self.log.leave(self.member)

    def _stays(self) -> bool:
        return self.member in self.log.members and self.log.generation == self._generation


class ModelStore:
    """Tables as lists of rows; an insert with a token that a table has seen changes nothing."""

    def __init__(self) -> None:
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self.tokens: set[tuple[str, str]] = set()
        self.inserts = 0
        self.trouble: Trouble = lambda step: None
        self.poison: UUID | None = None

    def insert(self, table: str, columns: Mapping[str, Any], token: str) -> None:
        self.trouble(f"before {table}")
        if (table, token) not in self.tokens:
            names, rows = list(columns), zip(*(list(column) for column in columns.values()), strict=True)
            self.inserts += 1
            self.tables.setdefault(table, []).extend(
                {**dict(zip(names, row, strict=True)), "_inserted_at": self.inserts} for row in rows
            )
            self.tokens.add((table, token))
        self.trouble(f"after {table}")

    def refusal(self, table: str, columns: Mapping[str, Any]) -> str | None:
        return None

    def command(self, sql: str) -> None:
        raise NotImplementedError

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        self.trouble("before rows")
        given = dict(parameters or {})
        if "FROM database_identity" in sql:
            return [(row["id"],) for row in self.tables.get("database_identity", [])]
        if " FROM sink_batches WHERE topic = {topic:String} GROUP BY" in sql:
            return self._highest(given)
        table = sql.split(" FROM ")[1].split(maxsplit=1)[0]
        assert table == "visits"
        versions: dict[str, int] = {}
        for row in self.tables.get("visits", []):
            own = row["_partition"] == given["partition"] and given["lo"] <= row["_offset"] < given["hi"]
            own = own and "NOT (_topic = " in sql and row["_inserted_at"] > self._last_before(given)
            if str(row["visit_id"]) in given["ids"] and not own:
                versions[str(row["visit_id"])] = max(row["version"], versions.get(str(row["visit_id"]), 0))
        return [(UUID(visit_id), version) for visit_id, version in versions.items()]

    def _highest(self, given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        found: dict[int, list[int]] = {}
        for row in self.tables.get("sink_batches", []):
            if row["topic"] == given["topic"]:
                highest = found.setdefault(row["partition"], [0, 0])
                other = row["incarnation"] != given["incarnation"]
                highest[other] = max(row["hi"], highest[other])
        return [(partition, *highest) for partition, highest in found.items()]

    def _last_before(self, given: Mapping[str, Any]) -> int:
        """When the last batch of another topic of the same name was written."""
        return max(
            (
                row["_inserted_at"]
                for row in self.tables.get("sink_batches", [])
                if (row["topic"], row["partition"]) == (given["topic"], given["partition"])
                and row["incarnation"] != given["incarnation"]
            ),
            default=0,
        )

    def visits(self) -> list[tuple[UUID, int]]:
        """Every visit's row as it was written."""
        return sorted((row["visit_id"], row["version"]) for row in self.tables.get("visits", []))

    def exposures(self) -> list[tuple[UUID, int]]:
        """Every exposure's row as it was written."""
        return sorted((row["visit_id"], row["version"]) for row in self.tables.get("exposures", []))


class ModelCodec:
    """Values are `number:version`; `bad` cannot be read, `away` needs a registry that is away."""

    def __init__(self) -> None:
        self.away = False

    def encode(self, event: Any) -> bytes:
        raise NotImplementedError

    def decode(self, data: bytes | None) -> Any:
        if self.away:
            raise DependencyAwayError("no registry")
        if data is None or data == b"bad":
            raise UndecodableError("not_framed", "this is nothing")
        number, version = map(int, data.split(b":"))
        return fact_of(number, version)


class ModelLetters:
    """Keeps the letters."""

    def __init__(self, trouble: Trouble) -> None:
        self.posted: list[DeadLetter] = []
        self.trouble = trouble

    def post(self, letters: Sequence[DeadLetter], *, repeated: bool = False) -> None:
        self.trouble("before letters")
        self.posted.extend(letters)


class CountingMeter(NoMeter):
    """Adds up counters by name and cause."""

    def __init__(self) -> None:
        self.counted: Counter[tuple[str, str]] = Counter()

    def count(self, name: CounterName, amount: float = 1, **labels: str) -> None:
        self.counted[name, labels.get("cause", "")] += int(amount)


class World:
    """A log and a store, and sinks that come and go."""

    def __init__(self, partitions: int = 1) -> None:
        self.log = Log(partitions)
        self.store = ModelStore()
        self.clock = FakeClock()
        self.codec = ModelCodec()
        self.meter = CountingMeter()
        self.letters: list[DeadLetter] = []
        self.names = 0

    def sink(
        self,
        trouble: Trouble = lambda step: None,
        options: SinkOptions | None = None,
        *,
        store: ModelStore | None = None,
        shares: bool = False,
    ) -> Sink:
        """A new process that takes over all partitions, or its share; each cuts its batches otherwise."""
        self.names += 1
        options = options or SinkOptions(max_rows=4 + 7 * self.names % 9, max_age_s=1.0)
        store = store or self.store
        store.trouble = trouble
        clocks = Clocks(
            monotonic_s=self.clock.now_s, now_us=lambda: 2_000_000_000_000_000, jitter=lambda: 0.5
        )
        limits = Limits(options.dead_letters, NoPulse())
        letters = ModelLetters(trouble)
        letters.posted = self.letters
        parts = SinkParts(
            feed=ModelFeed(
                self.log,
                f"sink-{self.names}",
                trouble,
                poll_size=1 + 5 * self.names % 7,
                shares=shares,
            ),
            reader=FactReader(self.codec, TopicNames()),
            writer=BatchWriter(
                store,
                letters,
                memory=Remembered(options.remembered_facts),
                limits=limits,
                reporting=Reporting(meter=self.meter, writer=f"sink-{self.names}", clocks=clocks),
            ),
            limits=limits,
            meter=self.meter,
            pulse=NoPulse(),
            clocks=clocks,
        )
        return Sink(parts, options)

    def turns(self, sink: Sink, count: int = 20) -> None:
        """Let a sink go round, with time passing."""
        for _ in range(count):
            sink.turn()
            self.clock.sleep(0.5)

    def end(self) -> None:
        """Let an undisturbed sink write the rest and leave."""
        sink, stop = self.sink(), threading.Event()
        self.turns(sink, 60)
        stop.set()
        sink.run(stop)


def away(_: str) -> None:
    """Nobody answers."""
    raise BrokerAwayError("away")


def appended(log: Log, facts: Iterable[tuple[int, int]], *, repeated: bool = False) -> None:
    """Facts by number and version."""
    for number, version in facts:
        log.append(f"{number}:{version}".encode(), repeated=repeated)


def rows_of_facts(facts: Iterable[tuple[int, int]]) -> list[tuple[UUID, int]]:
    """What `visits` holds for these facts."""
    return sorted((fact_of(*fact).visit.visit_id, fact[1]) for fact in facts)


def replaced(options: SinkOptions, **changes: Any) -> SinkOptions:
    """Options with changes."""
    return msgspec.structs.replace(options, **changes)
