"""What a capture may send: its cameras are opened when they are its own, and what another owns waits."""

from collections.abc import Sequence
from typing import Protocol

from onlooker.cameras.lines import CameraLine
from onlooker.capture.stand import CapturedStand
from onlooker.capture.tally import CaptureTally
from producers.owners.claims import camera_key
from schemas.errors import DependencyAwayError, UsageError
from schemas.metrics import Pulse


class OwnershipLostError(DependencyAwayError):
    """Another process has got what was ours while we were not heard: we begin anew, behind it."""


class Owners(Protocol):
    """Who owns which stand and camera; see `producers.owners.keeper.Keeper`."""

    losses: int
    """How often others got what was ours."""
    problem: str | None
    """Why it is not known who owns what."""
    refusal: UsageError | None
    """Why it will never be known."""

    def owns(self, key: str) -> bool | None:
        """Whether a stand or camera is ours; None: nobody knows just now."""
        ...

    def owner(self, key: str) -> str:
        """Who owns it, for people."""
        ...

    def first_us(self, stand_id: str) -> int | None:
        """The first event time of a stand as its owners have known it, us UTC."""
        ...

    def begun(self, stand_id: str, first_us: int) -> None:
        """Let others know the first event time of a stand of ours, us UTC."""
        ...

    def others_own_of(self, stand_id: str) -> bool:
        """Whether another process owns a camera of a stand."""
        ...


class Owning:
    """Looks at who owns what while a capture goes on.

    Args:
        stands: all of the capture; their cameras are not started.
        owners: says who owns what.
        pulse: hears what another owns.
        tally: is told what is ours.
    """

    def __init__(
        self, stands: Sequence[CapturedStand], owners: Owners, pulse: Pulse, tally: CaptureTally
    ) -> None:
        self._owners = owners
        self._pulse = pulse
        self._tally = tally
        self._stands = stands
        self._losses = owners.losses
        self._waiting = [line for stand in stands for line in stand.lines]
        for line in self._waiting:
            line.buffer.is_asleep = True

    def look(self) -> None:
        """Open the cameras that have become ours, and tell what others own.

        Raises:
            OwnershipLostError: another has got something that was ours.
            UsageError: the brokers do not let us agree with others.
        """
        if self._owners.refusal is not None:
            raise self._owners.refusal
        if self.is_lost:
            raise OwnershipLostError(
                "Others have got what this capture owned, while it stood still or was cut off."
            )
        self._pulse.away("capture group", self._owners.problem)
        for stand in self._stands:
            self._look_at(stand)
        self._waiting = [line for line in self._waiting if not self._started(line)]

    @property
    def is_lost(self) -> bool:
        """Whether another has got something that was ours."""
        return self._owners.losses != self._losses

    def owns_camera(self, stand_id: str, camera_id: str) -> bool | None:
        """Whether frames of a camera may be sent; None: that is not known just now."""
        return self._owners.owns(camera_key(stand_id, camera_id))

    def owns_stand(self, stand: CapturedStand) -> bool:
        """Whether the plays of a stand, and its end, are ours to send."""
        return bool(self._owners.owns(stand.stand_id)) and not stand.is_others

    def may_end(self, stand: CapturedStand) -> bool:
        """Whether no frame of a stand will come from anybody else before we say that it has ended."""
        return self.owns_stand(stand) and not self._owners.others_own_of(stand.stand_id)

    def begun(self, stand_id: str, first_us: int) -> None:
        """The stand's first event time is known: others would go on with its plays."""
        self._owners.begun(stand_id, first_us)

    def _look_at(self, stand: CapturedStand) -> None:
        owned = self._told(stand.stand_id, stand.stand_id, camera_id="")
        if owned is False:
            stand.is_others = True
        elif owned and stand.is_others:
            stand.take_over(self._owners.first_us(stand.stand_id))
        for line in stand.lines:
            self._told(camera_key(line.stand_id, line.camera_id), line.stand_id, camera_id=line.camera_id)

    def _told(self, key: str, stand_id: str, *, camera_id: str) -> bool | None:
        owned = self._owners.owns(key)
        if owned is not None:
            words = f"{self._owners.owner(key)} captures it; this one stands by, to take over when it ends"
            self._pulse.stands_by(key, None if owned else words)
            self._tally.tell_owned(stand_id, camera_id, owned=owned)
        return owned

    def _started(self, line: CameraLine) -> bool:
        if not self.owns_camera(line.stand_id, line.camera_id):
            return False
        line.buffer.is_asleep = False
        line.capture.start()
        return True
