"""Carries out the plan: strikes, brings back what stays away, and measures each recovery."""

import signal
import threading
import time
from collections.abc import Callable, Sequence

import msgspec

from tests.chaos.plan import Strike
from tests.chaos.progress import Progress, ProgressWatch, has_moved
from tests.chaos.site import FOUND, SESSION_S, SMALL, STRANGE, Site
from tests.chaos.stranger import trouble_with

LONGEST_ZOMBIE_S = 40.0
RECOVERY_LIMIT_S = 180.0


class Blow(msgspec.Struct, kw_only=True):
    """A strike that was carried out, and what became of it."""

    strike: Strike
    victim: str
    struck_s: float
    """By the monotonic clock."""
    before: Progress | None = None
    """The first answer to a question put after the strike."""
    restored_s: float | None = None
    """When a broker or database ran again, the zombie was let go on, or the stranger had gone."""
    recovered_s: float | None = None
    trouble: str = ""

    @property
    def recovery_s(self) -> float | None:
        """From the strike until its kind made progress again, s."""
        return None if self.recovered_s is None else self.recovered_s - self.struck_s


class Striker:
    """Strikes when its time has come; to be asked again and again.

    Args:
        site: with its services started.
        watch: knows how far the groups are.
        plan: what to do.
    """

    def __init__(self, site: Site, watch: ProgressWatch, plan: Sequence[Strike]) -> None:
        self._site = site
        self._watch = watch
        self._left = list(plan)
        self._began_s = 0.0
        self._frames = site.broker.topics.name("frames")
        self._brokers_whole = threading.Event()
        self._brokers_whole.set()
        self._database_up = threading.Event()
        self._database_up.set()
        self.blows: list[Blow] = []

    def begin(self, began_s: float) -> None:
        """Say from which monotonic time the plan counts, s."""
        self._began_s = began_s

    @property
    def mending(self) -> bool:
        """Whether a broker, the database or a zombie is still away."""
        return any(blow.restored_s is None for blow in self.blows if blow.strike.kind in _MENDS)

    @property
    def left(self) -> list[Strike]:
        """Strikes that have not been carried out."""
        return list(self._left)

    @property
    def open(self) -> list[Blow]:
        """Blows from which nobody has recovered yet, and which still may."""
        now_s = time.monotonic()
        return [
            blow
            for blow in self.blows
            if blow.recovered_s is None and not blow.trouble and now_s - blow.struck_s < RECOVERY_LIMIT_S
        ]

    def tick(self) -> None:
        """Do what is due, and look who has recovered."""
        for strike in self.left:
            if self._is_due(strike) and self._carry_out(strike):
                self._left.remove(strike)
        for blow in self.open:
            self._look_after(blow)

    def give_up(self) -> list[Strike]:
        """Strike no more; what was left."""
        left, self._left = self._left, []
        return left

    def _is_due(self, strike: Strike) -> bool:
        if strike.at_s is not None:
            return time.monotonic() - self._began_s >= strike.at_s
        capture, latest = self._site.captures[strike.round], self._watch.latest
        if latest is None or capture.starts == 0 or strike.at_share is None:
            return False
        done = latest.total(self._frames) if strike.kind == "capture" else latest.done("observe")
        return done >= (strike.round + strike.at_share) * self._site.frames

    def _carry_out(self, strike: Strike) -> bool:
        """Whether the victim was there to be struck."""
        struck_s = time.monotonic()
        victim = _ACTS[strike.kind](self, strike)
        if victim is None:
            return False
        blow = Blow(strike=strike, victim=victim, struck_s=struck_s)
        self.blows.append(blow)
        if strike.kind in _MENDS:
            threading.Thread(target=_MENDS[strike.kind], args=(self, blow), daemon=True).start()
        return True

    def _kill_service(self, strike: Strike) -> str | None:
        several = self._site.services[strike.kind]
        one = several[strike.which % len(several)]
        return None if one.strike() is None else one.name

    def _kill_capture(self, strike: Strike) -> str | None:
        one = self._site.captures[strike.round]
        return None if one.strike() is None else one.name

    def _kill_broker(self, strike: Strike) -> str | None:
        if not self._brokers_whole.is_set():
            return None
        self._brokers_whole.clear()
        number = strike.which % self._site.cluster.brokers
        self._site.cluster.kill(number)
        return f"broker-{number + 1}"

    def _fill_disk(self, _: Strike) -> str | None:
        if not self._brokers_whole.is_set():
            return None
        self._brokers_whole.clear()
        self._site.disk.fill()
        return f"broker-{SMALL}"

    def _let_stranger_come(self, _: Strike) -> str:
        return "stranger"

    def _kill_clickhouse(self, _: Strike) -> str | None:
        if not self._database_up.is_set():
            return None
        self._database_up.clear()
        self._site.kill_clickhouse()
        return "clickhouse"

    def _stop_sink(self, strike: Strike) -> str | None:
        several = self._site.services["sink"]
        one = several[strike.which % len(several)]
        return None if one.strike(signal.SIGSTOP) is None else one.name

    def _mend_broker(self, blow: Blow) -> None:
        time.sleep(blow.strike.down_s)
        try:
            number = int(blow.victim.removeprefix("broker-")) - 1
            if blow.strike.kind == "disk":
                # Kafka gives up a disk that was full once: only a new start takes it again.
                self._site.disk.make_room()
                self._site.cluster.kill(number)
            self._site.cluster.restart(number)
        except Exception as error:  # noqa: BLE001 - the roof of this thread: the verdict tells it
            blow.trouble = str(error)
        blow.restored_s = time.monotonic()
        self._brokers_whole.set()

    def _mend_clickhouse(self, blow: Blow) -> None:
        time.sleep(blow.strike.down_s)
        try:
            self._site.revive_clickhouse()
        except Exception as error:  # noqa: BLE001 - the roof of this thread: the verdict tells it
            blow.trouble = str(error)
        blow.restored_s = time.monotonic()
        self._database_up.set()

    def _mend_zombie(self, blow: Blow) -> None:
        """Let it go on once its session is over and others have taken over its work."""
        one = next(each for each in self._site.services["sink"] if each.name == blow.victim)
        pid = one.pid
        time.sleep(SESSION_S + 2.0)
        until = blow.struck_s + LONGEST_ZOMBIE_S
        while time.monotonic() < until and blow.recovered_s is None:
            time.sleep(0.2)
        if pid is not None:
            one.resume(pid)
        blow.restored_s = time.monotonic()

    def _see_stranger_off(self, blow: Blow) -> None:
        store = self._site.store(STRANGE)
        blow.trouble = trouble_with(self._site.strange_config, (STRANGE, FOUND), store)
        store.close()
        blow.restored_s = time.monotonic()

    def _look_after(self, blow: Blow) -> None:
        now, kind = self._watch.latest, blow.strike.kind
        if now is None or now.at_s <= blow.struck_s:
            return
        if blow.before is None:
            blow.before = now
        elif kind == "capture":
            done = self._site.captures[blow.strike.round].done.is_set()
            if done or now.total(self._frames) > blow.before.total(self._frames):
                blow.recovered_s = time.monotonic()
        elif all(has_moved(blow.before, now, group) for group in _GROUPS[kind]):
            blow.recovered_s = time.monotonic()


_ACTS: dict[str, Callable[[Striker, Strike], str | None]] = {
    "observe": Striker._kill_service,
    "measure": Striker._kill_service,
    "sink": Striker._kill_service,
    "capture": Striker._kill_capture,
    "broker": Striker._kill_broker,
    "disk": Striker._fill_disk,
    "clickhouse": Striker._kill_clickhouse,
    "zombie": Striker._stop_sink,
    "stranger": Striker._let_stranger_come,
}
_MENDS: dict[str, Callable[[Striker, Blow], None]] = {
    "broker": Striker._mend_broker,
    "disk": Striker._mend_broker,
    "clickhouse": Striker._mend_clickhouse,
    "zombie": Striker._mend_zombie,
    "stranger": Striker._see_stranger_off,
}
_GROUPS: dict[str, tuple[str, ...]] = {
    "observe": ("observe",),
    "measure": ("measure",),
    "sink": ("sink",),
    "capture": (),
    "broker": ("measure", "sink"),
    "disk": ("measure", "sink"),
    "clickhouse": ("sink",),
    "zombie": ("sink",),
    "stranger": ("sink",),
}
