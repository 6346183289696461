"""Keeps what this process owns: joins the group, stays in it, and knows for how long that may be believed."""

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from producers.owners.claims import Claim, Owners, claims_of, encoded, owners_of, stand_of, told
from producers.owners.group import EvictedError, RebalancingError
from schemas.clocks import Clocks
from schemas.errors import DependencyAwayError, UsageError

_AGAIN_S = 0.5
_BEATS = 10
"""Signs of life in a session."""
_SAFE = 0.8
"""Part of a session for which what we own is believed after a sign of life: what is on its way then still
arrives before the brokers give it to others."""
_SOON_S, _JOIN_S = 0.5, 3.0
_NEVER_S = float("-inf")


class Group(Protocol):
    """A member of the consumer group; see `producers.owners.group.CaptureGroup`."""

    def join(self, claim: bytes) -> dict[str, bytes] | None:
        """Join, and hear the claims of all when it is ours to share out."""
        ...

    def sync(self, told: dict[str, bytes]) -> bytes:
        """Say what each is told, and hear what we are."""
        ...

    def heartbeat(self) -> None:
        """Say that we live."""
        ...

    def leave(self) -> None:
        """Leave at once."""
        ...

    def close(self) -> None:
        """Let the brokers go."""
        ...


class Keeper:
    """Owns stands and cameras for this process; a thread of its own keeps them, others may ask at any time.

    What is owned may be believed only while `holds`: a process that was stopped, or that the brokers have not
    heard for most of a session, sends nothing until they have told it again who owns what.

    Args:
        connect: makes a member of the group; raises DependencyAwayError, or UsageError if waiting is no use.
        instance: who we are in the group; the same after a restart in the same place.
        name: who we are, for people.
        wants: the stands and cameras of this process.
        session_s: after so long without a sign of life others get what is ours, s.
    """

    def __init__(
        self,
        connect: Callable[[], Group],
        *,
        instance: str,
        name: str,
        wants: Sequence[str],
        session_s: float,
        clocks: Clocks,
    ) -> None:
        self._connect = connect
        self._instance = instance
        self._session_s = session_s
        self._clocks = clocks
        self._claim = Claim(name=name, since_us=clocks.now_us(), wants=tuple(wants))
        self._group: Group | None = None
        self._joins = True
        self._owners = Owners()
        self._owned: frozenset[str] = frozenset()
        self._until_s = _NEVER_S
        self._firsts_us: dict[str, int] = {}
        self._heard_us: dict[str, int] = {}
        """First event times as owners have said, also those that have ended since."""
        self._asks = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="capture-owner", daemon=True)
        self.losses = 0
        """How often others got what was ours: what was handed over before then must not be sent any more."""
        self.problem: str | None = None
        """Why it is not known who owns what; None while all is well."""
        self.refusal: UsageError | None = None
        """Why it will never be known."""

    def start(self) -> None:
        """Begin to ask for what is wanted; a second time changes nothing."""
        if self._thread.ident is None:
            self._thread.start()

    def close(self) -> None:
        """Own nothing any more, and let others take over at once."""
        self._stop.set()
        self._until_s = _NEVER_S
        self.losses += 1
        self._end_thread(_SOON_S)
        if self._group is not None:
            # Also while the thread still waits to join: nobody shall wait for it.
            self._group.leave()
            self._group.close()
        self._end_thread(_JOIN_S)

    @property
    def holds(self) -> bool:
        """Whether what is owned may be believed now."""
        return self._clocks.boot_s() < self._until_s

    def gate(self) -> Callable[[], bool]:
        """What says before each send whether what is ours now is still ours."""
        losses = self.losses
        return lambda: self.losses == losses and self.holds

    def owns(self, key: str) -> bool | None:
        """Whether a stand or camera is ours; None: nobody knows just now."""
        owner = self._owners.owners.get(key)
        return None if owner is None or not self.holds else owner == self._instance

    def owner(self, key: str) -> str:
        """Who owns a stand or camera, for people."""
        return self._owners.names.get(self._owners.owners.get(key, ""), "nobody")

    def first_us(self, stand_id: str) -> int | None:
        """The first event time of a stand as its owners have known it, us UTC."""
        return self._heard_us.get(stand_id)

    def begun(self, stand_id: str, first_us: int) -> None:
        """Let others know the first event time of a stand of ours, us UTC: they go on with its plays."""
        if self._firsts_us.get(stand_id) == first_us:
            return
        self._firsts_us = {**self._firsts_us, stand_id: first_us}
        if any(instance != self._instance for instance in self._owners.names):
            self._joins = True

    def others_own_of(self, stand_id: str) -> bool:
        """Whether another process owns a camera of a stand."""
        owners = self._owners.owners.items()
        return any(owner != self._instance for key, owner in owners if stand_of(key) == stand_id)

    def turn(self) -> float:
        """Say that we live, or join when somebody has come or gone.

        Returns:
            For how long there is nothing to do then, s.

        Raises:
            UsageError: the brokers refuse us.
        """
        try:
            wait_s = self._round()
        except RebalancingError:
            self._joins = True
            return 0.0
        except EvictedError:
            # What was ours may be another's by now: nothing is claimed that only we believe in.
            self._joins, self._until_s, self._claim = True, _NEVER_S, self._claimed(owns=())
            return 0.0
        except DependencyAwayError as error:
            self.problem = str(error)
            return _AGAIN_S
        self.problem = None
        return wait_s

    def _end_thread(self, patience_s: float) -> None:
        if self._thread.ident is not None:
            self._thread.join(patience_s)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._stop.wait(self.turn())
        except UsageError as error:
            self._until_s = _NEVER_S
            self.refusal = error

    def _round(self) -> float:
        """Join or say that we live; returns for how long there is nothing to do, s."""
        if self._group is None:
            group = self._connect()
            if self._stop.is_set():
                group.close()
                return 0.0
            self._group = group
        at_s = self._clocks.boot_s()
        if self._joins:
            return self._joined(self._group)
        self._group.heartbeat()
        self._until_s = at_s + _SAFE * self._session_s
        return self._session_s / _BEATS

    def _joined(self, group: Group) -> float:
        self._joins = False
        self._claim = self._claimed(owns=self._claim.owns)
        try:
            claims = group.join(encoded(self._claim))
            at_s = self._clocks.boot_s()
            found = owners_of(group.sync(_shared(claims)))
        except DependencyAwayError:
            self._joins = True
            raise
        owned = frozenset(key for key, owner in found.owners.items() if owner == self._instance)
        wants = frozenset(self._claim.wants)
        self._claim = self._claimed(owns=tuple(sorted(owned & wants)))
        if owned - wants or wants - set(found.owners):
            # The brokers gave us the place of an earlier process of ours, which wanted other cameras.
            self._joins = True
            return 0.0
        self._take_in(found, owned, at_s)
        return self._session_s / _BEATS

    def _take_in(self, found: Owners, owned: frozenset[str], at_s: float) -> None:
        if self._owned - owned:
            self._until_s = _NEVER_S
            self.losses += 1
        self._heard_us = {**self._heard_us, **found.firsts_us}
        self._owners, self._owned = found, owned
        self._until_s = at_s + _SAFE * self._session_s

    def _claimed(self, *, owns: tuple[str, ...]) -> Claim:
        self._asks += 1
        return Claim(
            name=self._claim.name,
            since_us=self._claim.since_us,
            wants=self._claim.wants,
            owns=owns,
            firsts_us=self._firsts_us,
            asks=self._asks,
        )


def _shared(claims: dict[str, bytes] | None) -> dict[str, bytes]:
    if claims is None:
        return {}
    return {instance: encoded(owners) for instance, owners in told(claims_of(claims)).items()}
