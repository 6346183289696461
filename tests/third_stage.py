"""A stage that the system does not have: an entry and what opens its desk is all that there is of it."""

import msgspec

from processors.runtime.work.fold_desk import FoldDesk
from processors.runtime.work.stands import Load, StandStates
from processors.runtime.work.tools import DeskTools
from processors.topology import Stage
from schemas.events import Play, VisitEnded, WindowClosed
from schemas.ids import derive_id
from tests.facts import ORIGIN

TALLY = Stage(
    name="tally", reads=("visits", "plays"), writes=("campaign_windows",), takes="events", waits_for="plays"
)


class Tallied(msgspec.Struct, frozen=True, kw_only=True):
    """A stand's plays and visits so far."""

    stand_id: str
    plays: tuple[int, ...] = ()
    """When each began, us UTC."""
    visits: int = 0


class Tally:
    """Of each visit a window that says how many plays had begun before it; plays may come too early."""

    def new_state(self, stand_id: str) -> Tallied:
        return Tallied(stand_id=stand_id)

    def step(self, state: Tallied, event: Play | VisitEnded) -> tuple[Tallied, tuple[WindowClosed, ...]]:
        if isinstance(event, Play):
            return msgspec.structs.replace(state, plays=(*state.plays, event.start_us)), ()
        state = msgspec.structs.replace(state, visits=state.visits + 1)
        return state, (_window(state, event.visit.started_us),)

    def ignored(self, before: Tallied, after: Tallied) -> str | None:
        return None if after != before else "known"

    def kept(self, state: Tallied) -> bytes:
        return msgspec.msgpack.encode(state)

    def restored(self, kept: bytes) -> Tallied:
        return msgspec.msgpack.decode(kept, type=Tallied)


def _window(state: Tallied, started_us: int) -> WindowClosed:
    return WindowClosed(
        window_id=derive_id("tally", state.stand_id, state.visits),
        stand_id=state.stand_id,
        start_us=state.visits,
        end_us=state.visits,
        observed_us=sum(start_us < started_us for start_us in state.plays),
        version=1,
        campaigns=(),
        audience=(),
        **ORIGIN,
    )


def tallying(tools: DeskTools, load: Load) -> FoldDesk:
    """The desk of the stage."""
    fold = Tally()
    return FoldDesk(fold, StandStates(TALLY.name, fold, fold, load, meter=tools.meter), tools)
