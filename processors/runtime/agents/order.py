"""The order in which messages may enter: after those of one topic that were published before them."""

from collections.abc import Callable, Mapping, Sequence

from faust.types import TP

from processors.runtime.agents.asking import Asking, Offsets
from processors.runtime.agents.plan import WorkPlan
from processors.runtime.work.traffic import Received
from schemas.topics import Topic

EVERY_S = 0.02
"""How often it is asked where the topic ends: seldom enough to cost little when many events come."""
PATIENCE_S = 1.0
"""How long messages that should come are waited for before it is doubted that they will."""
DOUBTS = 10
"""After so many doubts in a row there are none: a transaction's marks have offsets too."""
AGAIN_EVERY = 4
"""Every so many doubts they are read again: a change of assignment may have swallowed them."""


class HeldBack:
    """Keeps messages until the same partition of another topic has been read up to its end of then.

    So MEASURE's observations wait for the plays that were published before them.

    Args:
        asking: tells offsets.
        topic: that the others wait for.
        name: of that topic on the brokers.
        clock_s: seconds that only grow.
    """

    def __init__(self, asking: Asking, topic: Topic, name: str, *, clock_s: Callable[[], float]) -> None:
        self.topic = topic
        self._asking = asking
        self._name = name
        self._clock_s = clock_s
        self._gate = Gate()
        self._asked: dict[int, list[Received]] = {}
        self._new: dict[int, list[Received]] = {}
        self._asked_s = self._doubted_s = 0.0
        self._doubts = 0

    @property
    def rest_s(self) -> float | None:
        """How long until it may be asked for messages that wait for it; None: none do."""
        if all(partition in self._asked for partition in self._new):
            return None
        return max(0.0, self._asked_s + EVERY_S - self._clock_s())

    @property
    def is_empty(self) -> bool:
        """Whether no message waits."""
        return not self._asked and not self._new

    def begin(self, firsts: Offsets) -> None:
        """Partitions were assigned.

        Args:
            firsts: the offset of the first message to be read, by partition of any topic.
        """
        self._gate.begin({tp.partition: offset for tp, offset in firsts.items() if tp.topic == self._name})
        self._asked, self._new = {}, {}

    def read(self, messages: Sequence[Received]) -> None:
        """Messages of the topic have been handled."""
        for message in messages:
            self._gate.read(message.place.partition, message.place.offset + 1)

    async def admitted(self, messages: Sequence[Received]) -> list[Received]:
        """Take newly fetched messages of other topics: those that may enter now.

        Returns:
            Those that have nothing to wait for any more, in order for each partition; the others are kept.

        Raises:
            ReassignedError: the partitions are being taken away.
        """
        for each in messages:
            self._new.setdefault(each.place.partition, []).append(each)
        free = [partition for partition in self._new if partition not in self._asked]
        if free and self.rest_s == 0.0:
            await self._ask(free)
        if not self._gate.missing():
            self._doubts = 0
        elif self._clock_s() - max(self._asked_s, self._doubted_s) > PATIENCE_S:
            await self._doubt()
        missing = self._gate.missing()
        ready = [partition for partition in self._asked if partition not in missing]
        return [each for partition in ready for each in self._asked.pop(partition)]

    async def _ask(self, partitions: Sequence[int]) -> None:
        """Ask where the topic ends now: what was published before these messages lies before it."""
        ends = await self._asking.ends([TP(self._name, partition) for partition in partitions])
        self._gate.want({tp.partition: end for tp, end in ends.items()})
        self._asked_s = self._clock_s()
        for partition in partitions:
            self._asked[partition] = self._new.pop(partition)

    async def _doubt(self) -> None:
        """Read again what may have been fetched and dropped; what never comes are offsets without a message.

        Where the consumer stands says nothing at first: what it fetched may still be on its way, or lost.
        """
        behind = {TP(self._name, partition): offset for partition, offset in self._gate.behind().items()}
        if self._doubts >= DOUBTS:
            for tp, position in (await self._asking.positions(list(behind))).items():
                self._gate.read(tp.partition, position)
            self._doubts = 0
        else:
            if self._doubts % AGAIN_EVERY == 0:
                await self._asking.read_again(behind)
            self._doubts += 1
        self._doubted_s = self._clock_s()


class Gate:
    """Opens for a message when the topic it waits for has been read up to the end it had by then.

    So capture has a play acknowledged before it sends the first frame that shows it: an observation may enter
    when the plays' partition has been read up to the end it had after the observation was fetched.
    """

    def __init__(self) -> None:
        self._read: dict[int, int] = {}
        self._wanted: dict[int, int] = {}

    def begin(self, positions: Mapping[int, int]) -> None:
        """Partitions were assigned.

        Args:
            positions: the offset of the next message to be read, by partition.
        """
        self._read, self._wanted = dict(positions), {}

    def read(self, partition: int, offset: int) -> None:
        """Messages before an offset have been read."""
        self._read[partition] = max(offset, self._read.get(partition, 0))

    def want(self, ends: Mapping[int, int]) -> None:
        """Others wait for the messages before these offsets, by partition."""
        for partition, end in ends.items():
            self._wanted[partition] = max(end, self._wanted.get(partition, 0))

    def missing(self) -> dict[int, int]:
        """Partitions that have not been read far enough, with the offset that is wanted."""
        return {p: end for p, end in self._wanted.items() if self._read.get(p, 0) < end}

    def behind(self) -> dict[int, int]:
        """The same partitions, with the offset of the next message to be read."""
        return {partition: self._read.get(partition, 0) for partition in self.missing()}


def order_of(plan: WorkPlan, asking: Asking) -> HeldBack | None:
    """What holds back a stage's events until those of the topic it waits for have come; None: nothing."""
    topic = plan.stage.waits_for
    if topic is None:
        return None
    return HeldBack(asking, topic, plan.broker.topics.name(topic), clock_s=plan.clocks.monotonic_s)
