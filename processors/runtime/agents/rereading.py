"""Reading again what Faust fetched around a change of assignment and nobody took."""

from collections.abc import Callable, Mapping

from faust.types import TP

from processors.runtime.agents.application import RoleApp
from schemas.errors import DependencyAwayError

EVERY_S = 1.0
"""How often it is asked for: what had been fetched meanwhile has to pass first."""
PATIENCE_S = 20.0
"""How long it may take to come."""


class Rereading:
    """Goes back to missing events, again and again, and not for ever.

    Args:
        app: a started application.
        clock_s: seconds that only grow.
    """

    def __init__(self, app: RoleApp, clock_s: Callable[[], float]) -> None:
        self._app = app
        self._clock_s = clock_s
        self._since_s: float | None = None
        self._asked_s = 0.0

    async def ask_for(self, missing: Mapping[TP, int]) -> None:
        """Look what is missing now.

        Args:
            missing: offset of the next event to come, for partitions from which later ones have come.

        Raises:
            DependencyAwayError: it does not come.
        """
        now_s = self._clock_s()
        if not missing:
            self._since_s = None
            return
        if self._since_s is None:
            self._since_s, self._asked_s = now_s, 0.0
        if now_s - self._since_s > PATIENCE_S:
            places = ", ".join(f"{tp.topic}:{tp.partition}:{offset}" for tp, offset in missing.items())
            raise DependencyAwayError(
                f"The brokers do not give the events at {places}, but later ones. "
                "Start the worker again: it goes on at its last checkpoint."
            )
        if now_s - self._asked_s >= EVERY_S:
            self._asked_s = now_s
            await self._app.offsets.read_from(missing)
