"""The ground a worker stands on: topics that stay those it began with, or its offsets say nothing."""

import logging
from collections.abc import Callable, Mapping

from faust.types import TP

from processors.runtime.agents.application import Committed
from processors.runtime.agents.asking import Asking
from processors.runtime.agents.incarnations import RecreatedError
from schemas.metrics import Meter
from schemas.topics import Topic

log = logging.getLogger(__name__)
EVERY_S = 1.0
"""How often it is asked while no events come."""


class Ground:
    """The topics as they were when the worker began.

    Args:
        incarnations: what the brokers call each topic for as long as it lives, by name.
        meter: takes the count of offsets that are no good any more.
        clock_s: seconds that only grow.
    """

    def __init__(self, incarnations: Mapping[str, str], meter: Meter, clock_s: Callable[[], float]) -> None:
        self.incarnations = incarnations
        self.gone: frozenset[str] = frozenset()
        """Names of topics that were deleted since."""
        self._meter = meter
        self._clock_s = clock_s
        self._asked_s = clock_s()

    async def require_same(self, asking: Asking, *, is_idle: bool) -> None:
        """Compare the topics with those that the worker began with.

        Asked after events have come and before they are handled: an id never comes again, so while it is the
        same they lay in the topic that their offsets count in.

        Args:
            asking: knows the brokers.
            is_idle: no events have come: then it is asked only now and then.

        Raises:
            RecreatedError: one was deleted, and perhaps made again.
            ReassignedError: the assignment changed before a broker answered.
        """
        now_s = self._clock_s()
        if is_idle and now_s - self._asked_s < EVERY_S:
            return
        present = await asking.incarnations([*self.incarnations])
        self._asked_s = now_s
        self.gone = frozenset(name for name, known in self.incarnations.items() if present.get(name) != known)
        if self.gone:
            raise RecreatedError(
                f"Deleted while this worker was at it: {', '.join(sorted(self.gone))}. It begins anew, with "
                "what it knows of the stands; what it had not read yet of what was deleted is lost."
            )

    def counts(self, tp: TP, topic: Topic, committed: Committed, end: int) -> bool:
        """Whether an offset of the group says where to go on; when not it is told.

        Args:
            tp: the partition.
            topic: its kind.
            committed: what the group has committed; one without an incarnation is taken for the present.
            end: where the partition ends; an offset past it proves another topic, or that the brokers have
                lost the end of this one.
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
