"""The desk of a fold: messages in, events and dead letters out, states advanced. No broker in sight."""

from collections.abc import Sequence
from typing import Any, Protocol

from processors.runtime.work.stands import StandStates
from processors.runtime.work.tools import DeskTools
from processors.runtime.work.traffic import Outgoing, Received
from processors.topology import StageFold
from schemas.errors import OnlookerError, UndecodableError
from schemas.reading import stand_of

NOT_NEWER = "known"
"""A message that moved nothing on: alone it may have added something, for a minute such ones do not."""


class CountingFold(StageFold, Protocol):
    """A fold that says what changed nothing."""

    def ignored(self, before: Any, after: Any) -> str | None:
        """Why the event between two states, without facts, changed nothing, in a word; None: it did."""
        ...


class FoldDesk:
    """Takes messages in the order in which they should enter; MEASURE's fold aligns its inputs itself."""

    def __init__(self, fold: CountingFold, states: StandStates, tools: DeskTools) -> None:
        self._fold = fold
        self._tools = tools
        self.states = states

    async def handle(self, messages: Sequence[Received]) -> list[Outgoing]:
        """Handle messages of any stands, in their order: what follows from them, in order.

        Raises:
            LimitReachedError: too many messages are bad.
            UsageError: a checkpoint is of another version.
        """
        return [out for message in messages for out in self._one(message)]

    def forget(self) -> None:
        """Other workers may have the stands now."""
        self.states.forget()
        self._tools.aside.forget()

    def _one(self, message: Received) -> Sequence[Outgoing]:
        tools, states, place = self._tools, self.states, message.place
        try:
            event = tools.event_in(message)
        except UndecodableError as error:
            return (tools.aside.letter(message, error),)
        stand_id = stand_of(event)
        assert stand_id is not None, "no stage reads letters"
        if states.covers(stand_id, place):
            tools.ignored(message, "checkpointed")
            return ()
        state = states.state(stand_id)
        try:
            after, follow = self._fold.step(state, event)
            out = [tools.outgoing(each, message, stand_id) for each in follow]
        except OnlookerError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the other stands go on
            states.advance(stand_id, place, state)
            return (tools.aside.failed(message, error),)
        states.advance(stand_id, place, after)
        tools.aside.good(message)
        self._tell(message, None if follow else self._fold.ignored(state, after))
        return out

    def _tell(self, message: Received, cause: str | None) -> None:
        """Tell whether a message changed something."""
        topic = message.place.topic
        if cause is None:
            self._tools.pulse.changed(topic)
        elif cause == NOT_NEWER:
            self._tools.pulse.ignored(topic, cause)
        else:
            self._tools.ignored(message, cause)
