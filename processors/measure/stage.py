"""MEASURE as the runtimes drive it: observations and plays of a stand to visits, exposures and windows."""

from processors.measure.fold import Facts, StandState, new_stand, step
from processors.thresholds import MeasureOptions
from schemas.events import MeasureInput


class MeasureStage:
    """Observations and plays of a stand to visits, exposures and windows."""

    def __init__(self, options: MeasureOptions) -> None:
        self._options = options

    def new_state(self, stand_id: str) -> StandState:
        """A stand that nobody has visited."""
        return new_stand(stand_id)

    def step(self, state: StandState, event: MeasureInput) -> tuple[StandState, Facts]:
        """One more event of the stand.

        Args:
            state: the stand so far.
            event: an observation, a play or the end of the stream.

        Returns:
            The new state and what became certain or was corrected.
        """
        return step(state, event, self._options)
