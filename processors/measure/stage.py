"""MEASURE as the runtimes drive it: observations and plays of a stand to visits, exposures and windows."""

from processors.measure.fold import Facts, StandState, step
from processors.thresholds import MeasureOptions
from schemas.events import MeasureInput


class MeasureStage:
    """Observations and plays of a stand to visits, exposures and windows."""

    def __init__(self, options: MeasureOptions) -> None:
        self._options = options

    def new_state(self, stand_id: str) -> StandState:
        """A stand that nobody has visited."""
        return StandState(stand_id=stand_id)

    def step(self, state: StandState, event: MeasureInput) -> tuple[StandState, Facts]:
        """The stand after one more event, and what became certain or was corrected by it."""
        return step(state, event, self._options)
