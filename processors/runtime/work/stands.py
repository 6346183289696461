"""The stands that a worker holds: their states, the offsets these cover, and which of them changed."""

from collections.abc import Callable
from typing import Any

from processors.runtime.work.checkpoint import Checkpoint, Covered, Keeper, checkpoint_bytes, checkpoint_from
from processors.runtime.work.traffic import Place
from processors.topology import StageFold, StageName

Load = Callable[[str], bytes | None]
"""The checkpoint of a stand, None when there is none."""


class StandStates:
    """States by stand, loaded from their checkpoints when first asked for."""

    def __init__(self, stage: StageName, fold: StageFold, keeper: Keeper, load: Load) -> None:
        self._stage = stage
        self._fold = fold
        self._keeper = keeper
        self._load = load
        self._stands: dict[str, Covered] = {}
        self._changed: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._stands)

    def state(self, stand_id: str) -> Any:
        """The present state of a stand."""
        return self._covered(stand_id).state

    def covers(self, stand_id: str, place: Place) -> bool:
        """Whether the state has an event in it already: it was handled before a crash or a handover."""
        return place.offset <= self._covered(stand_id).through.get(place.topic, -1)

    def advance(self, stand_id: str, place: Place, state: Any) -> None:
        """A stand has taken an event in.

        Args:
            stand_id: the stand.
            place: of the event.
            state: the state after it; the one before when the event was set aside.
        """
        through = {**self._covered(stand_id).through, place.topic: place.offset}
        self._stands[stand_id] = Covered(state=state, through=through)
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
            return Covered(state=self._fold.new_state(stand_id), through={})
        checkpoint = checkpoint_from(data, self._stage)
        return Covered(state=self._keeper.restored(checkpoint.state), through=checkpoint.through)
