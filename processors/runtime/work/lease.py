"""The lease: how long a worker may believe that its partitions are still its own."""

from collections.abc import Callable

from schemas.errors import DependencyAwayError


class LeaseLostError(DependencyAwayError):
    """This process was stopped for longer than a session: others have its partitions."""


class Lease:
    """Renewed each time the worker's loop turns; after a session without a turn it is lost for good.

    Args:
        session_timeout_s: after so long without a heartbeat the broker gives the partitions to others.
        clock_s: seconds that also pass while the machine sleeps or the process is stopped.
    """

    def __init__(self, session_timeout_s: float, clock_s: Callable[[], float]) -> None:
        self._timeout_s = session_timeout_s
        self._clock_s = clock_s
        self._turned_s = clock_s()
        self._lost_after_s: float | None = None

    def renew(self) -> None:
        """The loop has turned.

        Raises:
            LeaseLostError: it had stood still for too long.
        """
        self.require()
        self._turned_s = self._clock_s()

    @property
    def holds(self) -> bool:
        """Whether writing is allowed now."""
        silent_s = self._clock_s() - self._turned_s
        if self._lost_after_s is None and silent_s > self._timeout_s:
            self._lost_after_s = silent_s
        return self._lost_after_s is None

    def require(self) -> None:
        """Refuse to go on without the lease.

        Raises:
            LeaseLostError: others may have the partitions by now.
        """
        if not self.holds:
            raise LeaseLostError(self.words)

    @property
    def words(self) -> str:
        """Why the lease was lost."""
        return (
            f"This worker stood still for {self._lost_after_s or 0:.0f} s, longer than its session of "
            f"{self._timeout_s:g} s: others have its partitions, so it ends without writing. Start it again."
        )
