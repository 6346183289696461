"""The order in which MEASURE's observations may enter: after the plays that were published before them."""

import time
from collections.abc import Mapping, Sequence

from faust.types import TP

from processors.runtime.agents.asking import Asking, Offsets
from processors.runtime.work.traffic import Received

EVERY_S = 0.02
"""How often it is asked where the plays end: seldom enough to cost little when many events come."""
PATIENCE_S = 1.0
"""How long plays that should come are waited for before it is doubted that they will."""
DOUBTS = 10
"""After so many doubts in a row there are no plays: a transaction's marks have offsets too."""
AGAIN_EVERY = 4
"""Every so many doubts the plays are read again: a change of assignment may have swallowed them."""


class PlaysBefore:
    """Keeps observations until the plays' partition has been read up to its end of then.

    Args:
        asking: tells offsets.
        plays: the topic of plays as the brokers name it.
    """

    def __init__(self, asking: Asking, plays: str) -> None:
        self._asking = asking
        self._plays = plays
        self._gate = PlaysFirst()
        self._asked: dict[int, list[Received]] = {}
        self._new: dict[int, list[Received]] = {}
        self._asked_s = self._doubted_s = 0.0
        self._doubts = 0

    @property
    def rest_s(self) -> float | None:
        """How long until it may be asked for observations that wait for it; None: none do."""
        if all(partition in self._asked for partition in self._new):
            return None
        return max(0.0, self._asked_s + EVERY_S - time.monotonic())

    @property
    def is_empty(self) -> bool:
        """Whether no observation waits."""
        return not self._asked and not self._new

    def begin(self, positions: Offsets) -> None:
        """Partitions were assigned.

        Args:
            positions: the offset of the first play to be read, by partition.
        """
        self._gate.begin({tp.partition: offset for tp, offset in positions.items()})
        self._asked, self._new = {}, {}

    def read(self, plays: Sequence[Received]) -> None:
        """Plays have been handled."""
        for play in plays:
            self._gate.read(play.place.partition, play.place.offset + 1)

    async def admitted(self, observations: Sequence[Received]) -> list[Received]:
        """The observations that may enter now.

        Args:
            observations: newly fetched.

        Returns:
            Those whose plays have all been read, in order for each partition; the others are kept.

        Raises:
            ReassignedError: the partitions are being taken away.
        """
        for each in observations:
            self._new.setdefault(each.place.partition, []).append(each)
        free = [partition for partition in self._new if partition not in self._asked]
        if free and self.rest_s == 0.0:
            await self._ask(free)
        if not self._gate.missing():
            self._doubts = 0
        elif time.monotonic() - max(self._asked_s, self._doubted_s) > PATIENCE_S:
            await self._doubt()
        missing = self._gate.missing()
        ready = [partition for partition in self._asked if partition not in missing]
        return [each for partition in ready for each in self._asked.pop(partition)]

    async def _ask(self, partitions: Sequence[int]) -> None:
        """Ask where the plays end now: those published before these observations lie before it."""
        ends = await self._asking.ends([TP(self._plays, partition) for partition in partitions])
        self._gate.want({tp.partition: end for tp, end in ends.items()})
        self._asked_s = time.monotonic()
        for partition in partitions:
            self._asked[partition] = self._new.pop(partition)

    async def _doubt(self) -> None:
        """Read again what may have been fetched and dropped; what never comes are offsets without a message.

        Where the consumer stands says nothing at first: what it fetched may still be on its way, or lost.
        """
        behind = {TP(self._plays, partition): offset for partition, offset in self._gate.behind().items()}
        if self._doubts >= DOUBTS:
            for tp, position in (await self._asking.positions(list(behind))).items():
                self._gate.read(tp.partition, position)
            self._doubts = 0
        else:
            if self._doubts % AGAIN_EVERY == 0:
                await self._asking.read_again(behind)
            self._doubts += 1
        self._doubted_s = time.monotonic()


class PlaysFirst:
    """Holds observations back until every play that was published before them has been read.

    Capture has a play acknowledged before it sends the first frame that shows it. So an observation may enter
    when the plays' partition has been read up to the end it had after the observation was fetched.
    """

    def __init__(self) -> None:
        self._read: dict[int, int] = {}
        self._wanted: dict[int, int] = {}

    def begin(self, positions: Mapping[int, int]) -> None:
        """Partitions were assigned.

        Args:
            positions: the offset of the next play to be read, by partition.
        """
        self._read, self._wanted = dict(positions), {}

    def read(self, partition: int, offset: int) -> None:
        """Plays before an offset have been read."""
        self._read[partition] = max(offset, self._read.get(partition, 0))

    def want(self, ends: Mapping[int, int]) -> None:
        """Observations wait for the plays before these offsets, by partition."""
        for partition, end in ends.items():
            self._wanted[partition] = max(end, self._wanted.get(partition, 0))

    def missing(self) -> dict[int, int]:
        """Partitions whose plays have not been read far enough, with the offset that is wanted."""
        return {p: end for p, end in self._wanted.items() if self._read.get(p, 0) < end}

    def behind(self) -> dict[int, int]:
        """The same partitions, with the offset of the next play to be read."""
        return {partition: self._read.get(partition, 0) for partition in self.missing()}
