"""The stands that a worker holds: their states, the offsets these cover, and which of them changed."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from processors.runtime.work.checkpoint import Checkpoint, Covered, Keeper, checkpoint_bytes, checkpoint_from
from processors.runtime.work.traffic import Place
from processors.topology import StageFold, StageName
from schemas.metrics import Meter
from schemas.topics import Topic

log = logging.getLogger(__name__)
Load = Callable[[str], bytes | None]
"""The checkpoint of a stand, None when there is none."""


class StandStates:
    """States by stand, loaded from their checkpoints when first asked for.

    Args:
        stage: whose states they are.
        fold: makes the state of a stand that has none.
        keeper: states to bytes and back.
        load: finds checkpoints.
        meter: takes the count of offsets that are no good any more.
    """

    def __init__(
        self, stage: StageName, fold: StageFold, keeper: Keeper, load: Load, *, meter: Meter
    ) -> None:
        self._stage = stage
        self._fold = fold
        self._keeper = keeper
        self._load = load
        self._meter = meter
        self._ends: Mapping[tuple[Topic, int], int] = {}
        self._told: set[tuple[Topic, int]] = set()
        self._stands: dict[str, Covered] = {}
        self._changed: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._stands)

    def state(self, stand_id: str) -> Any:
        """The present state of a stand."""
        return self._covered(stand_id).state

    def begin(self, ends: Mapping[tuple[Topic, int], int]) -> None:
        """Partitions were assigned.

        Args:
            ends: the offset that the next event of each topic and partition will have.
        """
        self._ends = dict(ends)

    def covers(self, stand_id: str, place: Place) -> bool:
        """Whether the state has an event in it already: it was handled before a crash or a handover.

        An offset of a topic that was deleted says nothing about the one that was made in its place: then the
        state goes on, and event time decides what is new.
        """
        covered = self._covered(stand_id)
        if place.topic in covered.unproven:
            covered = self._stands[stand_id] = self._proven(covered, stand_id, place)
        return place.offset <= covered.through.get(place.topic, -1)

    def advance(self, stand_id: str, place: Place, state: Any) -> None:
        """A stand has taken an event in.

        Args:
            stand_id: the stand.
            place: of the event.
            state: the state after it; the one before when the event was set aside.
        """
        covered = self._covered(stand_id)
        self._stands[stand_id] = Covered(
            state=state,
            through={**covered.through, place.topic: place.offset},
            incarnations={**covered.incarnations, place.topic: place.incarnation},
            unproven=covered.unproven - {place.topic},
        )
        self._changed[stand_id] = place.partition

    def changed(self) -> dict[str, int]:
        """The stands that differ from their checkpoints, with the partition that their events come by."""
        return dict(self._changed)

    def checkpoint(self, stand_id: str) -> bytes:
        """The checkpoint of a stand as it should be written now."""
        covered = self._covered(stand_id)
        return checkpoint_bytes(
            Checkpoint(
                stage=self._stage,
                stand_id=stand_id,
                through=dict(covered.through),
                state=self._keeper.kept(covered.state),
                incarnations=dict(covered.incarnations),
            )
        )

    def saved(self) -> None:
        """All that changed has been written."""
        self._changed.clear()

    def forget(self) -> None:
        """Other workers may have the stands now; what is needed again is loaded again."""
        self._stands.clear()
        self._changed.clear()

    def _covered(self, stand_id: str) -> Covered:
        known = self._stands.get(stand_id)
        if known is None:
            known = self._stands[stand_id] = self._loaded(stand_id)
        return known

    def _loaded(self, stand_id: str) -> Covered:
        data = self._load(stand_id)
        if data is None:
            return Covered(state=self._fold.new_state(stand_id), through={}, incarnations={})
        checkpoint = checkpoint_from(data, self._stage)
        return Covered(
            state=self._keeper.restored(checkpoint.state),
            through=checkpoint.through,
            incarnations=checkpoint.incarnations,
            unproven=frozenset(checkpoint.through),
        )

    def _proven(self, covered: Covered, stand_id: str, place: Place) -> Covered:
        """A stand's state with the offset of a topic, or without it when it counts in another than is there.

        What was written before incarnations were kept is taken for one of the present topic; an offset past
        its end proves another, or a topic that the brokers have lost the end of.
        """
        topic, through = place.topic, dict(covered.through)
        incarnation = covered.incarnations.get(topic, place.incarnation)
        is_past = through[topic] >= self._ends.get((topic, place.partition), through[topic] + 1)
        if incarnation != place.incarnation or is_past:
            cause = "past_end" if incarnation == place.incarnation else "recreated"
            self._tell(stand_id, place, through.pop(topic), cause)
        return msgspec.structs.replace(covered, through=through, unproven=covered.unproven - {topic})

    def _tell(self, stand_id: str, place: Place, offset: int, cause: str) -> None:
        """Count an offset that says nothing any more; a partition is named in the log once."""
        self._meter.count("positions_void", topic=place.topic, cause=cause)
        if (place.topic, place.partition) not in self._told:
            self._told.add((place.topic, place.partition))
            log.warning(
                "%s partition %s was deleted and made anew, or cut short: offset %s of the stand %s lay in "
                "what is no more. States go on, and all that lies there now is read from offset %s on",
                place.topic,
                place.partition,
                offset,
                stand_id,
                place.offset,
            )
