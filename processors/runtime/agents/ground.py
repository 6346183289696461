"""The ground a worker stands on: topics that stay those it began with, or its offsets say nothing."""

import logging
from collections.abc import Iterable, Mapping

from faust.types import TP

from processors.runtime.agents.application import Committed
from processors.runtime.agents.incarnations import RecreatedError
from schemas.metrics import Meter
from schemas.topics import Topic

log = logging.getLogger(__name__)


class Ground:
    """The topics as they were when the worker began.

    Args:
        incarnations: what the brokers call each topic for as long as it lives, by name.
        checkpoints: name of the topic for those.
        meter: takes the count of offsets that are no good any more.
    """

    def __init__(self, incarnations: Mapping[str, str], *, checkpoints: str, meter: Meter) -> None:
        self._checkpoints = checkpoints
        self.incarnations = incarnations
        self.gone: frozenset[str] = frozenset()
        """Names of topics that were deleted since."""
        self._meter = meter

    def require_same(self, present: Mapping[str, str]) -> None:
        """Compare the topics with those that the worker began with.

        An id never comes again: what had come before the brokers were asked, and they still gave the old id,
        lay in the topic that its offset counts in.

        Args:
            present: what the brokers call each topic that is there now, by name.

        Raises:
            RecreatedError: one was deleted, and perhaps made again.
        """
        self.gone = frozenset(name for name, known in self.incarnations.items() if present.get(name) != known)
        if self.gone:
            states = "with no states of stands" if self.has_no_checkpoints else "at its checkpoints"
            raise RecreatedError(
                f"Deleted while this worker was at it: {', '.join(sorted(self.gone))}. It begins anew "
                f"{states}; what it had not read yet of what was deleted is lost."
            )

    @property
    def has_no_checkpoints(self) -> bool:
        """Whether their topic is gone: to write to it could make one that is not compacted."""
        return self._checkpoints in self.gone

    def firsts(
        self,
        tps: Iterable[TP],
        topics: Mapping[str, Topic],
        *,
        begins: Mapping[TP, int],
        ends: Mapping[TP, int],
        commits: Mapping[TP, Committed],
    ) -> dict[TP, int]:
        """The offset of the first event to be read of each partition; what is out of the ordinary is told.

        Args:
            tps: assigned partitions.
            topics: their kinds, by name.
            begins: the oldest offset that each still has.
            ends: where each ends.
            commits: what the group has committed.
        """
        firsts = {}
        for tp in tps:
            begin, committed = begins.get(tp, 0), commits.get(tp)
            if committed is None or not self._counts(tp, topics[tp.topic], committed, ends[tp]):
                firsts[tp] = begin
                continue
            firsts[tp] = max(begin, committed.offset)
            if expired := firsts[tp] - committed.offset:
                self._meter.count("messages_ignored", expired, topic=topics[tp.topic], cause="expired")
        return firsts

    def _counts(self, tp: TP, topic: Topic, committed: Committed, end: int) -> bool:
        """Whether an offset of the group says where to go on; when not it is told.

        One without an incarnation is taken for the present. An offset past the end proves another topic, or
        that the brokers have lost the end of this one.
        """
        if committed.incarnation not in ("", self.incarnations[tp.topic]):
            cause = "recreated"
        elif committed.offset > end:
            cause = "past_end"
        else:
            return True
        self._meter.count("positions_void", topic=topic, cause=cause)
        log.warning(
            "%s partition %s was deleted and made anew, or cut short: the group had come to offset %s of "
            "what is no more, and reads all that lies there now",
            tp.topic,
            tp.partition,
            committed.offset,
        )
        return False
